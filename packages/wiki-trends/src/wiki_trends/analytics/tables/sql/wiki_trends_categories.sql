SELECT
  "t10"."category",
  "t10"."pages",
  "t10"."views",
  "t10"."share_pct",
  "t10"."first_views",
  "t10"."last_views",
  "t10"."views_change_pct",
  "t10"."entries",
  "t10"."exits"
FROM (
  SELECT
    "t9"."category",
    "t9"."pages",
    "t9"."views",
    "t9"."first_views",
    "t9"."last_views",
    "t9"."entries",
    "t9"."exits",
    COALESCE(
      (
        CAST("t9"."views" AS DOUBLE) * 100
      ) / NULLIF(
        CAST(SUM("t9"."views") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS DOUBLE),
        0
      ),
      0.0
    ) AS "share_pct",
    (
      CAST("t9"."last_views" - "t9"."first_views" AS DOUBLE) * 100
    ) / NULLIF("t9"."first_views", 0) AS "views_change_pct"
  FROM (
    SELECT
      "t8"."category",
      COUNT(DISTINCT "t8"."page") AS "pages",
      CAST(CAST(SUM("t8"."views") AS DECIMAL(38, 0)) AS BIGINT) AS "views",
      CAST(CAST(COALESCE(SUM("t8"."views") FILTER(WHERE
        "t8"."date" = "t8"."first_date"), 0) AS DECIMAL(38, 0)) AS BIGINT) AS "first_views",
      CAST(CAST(COALESCE(SUM("t8"."views") FILTER(WHERE
        "t8"."date" = "t8"."last_date"), 0) AS DECIMAL(38, 0)) AS BIGINT) AS "last_views",
      CAST(CAST(SUM(CAST((
        "t8"."date" = "t8"."last_date"
      ) AND NOT (
        "t8"."on_first"
      ) AS INT)) AS DECIMAL(38, 0)) AS BIGINT) AS "entries",
      CAST(CAST(SUM(CAST((
        "t8"."date" = "t8"."first_date"
      ) AND NOT (
        "t8"."on_last"
      ) AS INT)) AS DECIMAL(38, 0)) AS BIGINT) AS "exits"
    FROM (
      SELECT
        "t2"."date",
        "t2"."page",
        "t2"."page_display",
        "t2"."views",
        "t2"."rank",
        "t2"."link",
        "t2"."category",
        "t2"."location_type",
        "t2"."location",
        "t2"."latitude",
        "t2"."longitude",
        "t4"."first_date",
        "t4"."last_date",
        "t7"."on_first",
        "t7"."on_last"
      FROM "window_rows" AS "t2"
      CROSS JOIN (
        SELECT
          MIN("t1"."date") AS "first_date",
          MAX("t1"."date") AS "last_date"
        FROM "window_days" AS "t1"
      ) AS "t4"
      INNER JOIN (
        SELECT
          "t5"."page",
          BOOL_OR(CAST("t5"."date" = "t5"."first_date" AS BOOLEAN)) AS "on_first",
          BOOL_OR(CAST("t5"."date" = "t5"."last_date" AS BOOLEAN)) AS "on_last"
        FROM (
          SELECT
            "t2"."date",
            "t2"."page",
            "t2"."page_display",
            "t2"."views",
            "t2"."rank",
            "t2"."link",
            "t2"."category",
            "t2"."location_type",
            "t2"."location",
            "t2"."latitude",
            "t2"."longitude",
            "t4"."first_date",
            "t4"."last_date"
          FROM "window_rows" AS "t2"
          CROSS JOIN (
            SELECT
              MIN("t1"."date") AS "first_date",
              MAX("t1"."date") AS "last_date"
            FROM "window_days" AS "t1"
          ) AS "t4"
        ) AS "t5"
        GROUP BY
          1
      ) AS "t7"
        ON "t2"."page" = "t7"."page"
    ) AS "t8"
    GROUP BY
      1
  ) AS "t9"
) AS "t10"
ORDER BY
  "t10"."views" DESC,
  "t10"."category" ASC
