WITH "t9" AS (
  SELECT
    MAX("t1"."place") AS "last_place",
    CAST(SUM(CAST("t1"."in_window" AS INT)) AS INT) AS "days_used",
    CAST(SUM(CAST(NOT (
      "t1"."in_window"
    ) AS INT)) AS INT) AS "baseline_days"
  FROM "step_02_days" AS "t1"
), "t18" AS (
  SELECT
    "t17"."page",
    "t17"."date",
    "t17"."day",
    "t17"."place",
    "t17"."in_window",
    "t17"."number",
    "t17"."place" - "t17"."number" AS "streak_id"
  FROM (
    SELECT
      "t12"."page",
      "t12"."date",
      "t12"."day",
      "t12"."place",
      "t12"."in_window",
      ROW_NUMBER() OVER (
        PARTITION BY "t12"."page"
        ORDER BY "t12"."place" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "number"
    FROM (
      SELECT
        "t4"."page",
        "t4"."date",
        "t4"."day",
        "t6"."place",
        "t6"."in_window"
      FROM "step_01_history" AS "t4"
      INNER JOIN (
        SELECT
          "t1"."day",
          "t1"."place",
          "t1"."in_window"
        FROM "step_02_days" AS "t1"
      ) AS "t6"
        ON "t4"."day" = "t6"."day"
    ) AS "t12"
  ) AS "t17"
)
SELECT
  "t16"."page",
  "t16"."page_display",
  "t16"."category",
  "t16"."location",
  "t32"."days_used",
  "t16"."days_listed",
  "t32"."baseline_days",
  "t32"."baseline_days_listed",
  "t16"."peak_date",
  "t16"."peak_views",
  "t16"."peak_rank",
  "t16"."best_rank",
  "t16"."views",
  "t32"."streak",
  "t32"."presence",
  "t32"."days_away",
  "t32"."streak_start"
FROM (
  SELECT
    "t8"."page",
    FIRST("t8"."page_display" ORDER BY "t8"."date" DESC) AS "page_display",
    FIRST("t8"."category" ORDER BY "t8"."date" DESC) AS "category",
    FIRST("t8"."location" ORDER BY "t8"."date" DESC) AS "location",
    CAST(COUNT(*) AS INT) AS "days_listed",
    MAX("t8"."date") FILTER(WHERE
      "t8"."best_order" = 0) AS "peak_date",
    MAX("t8"."views") AS "peak_views",
    MAX("t8"."rank") FILTER(WHERE
      "t8"."best_order" = 0) AS "peak_rank",
    MIN("t8"."rank") AS "best_rank",
    CAST(CAST(SUM("t8"."views") AS DECIMAL(38, 0)) AS BIGINT) AS "views"
  FROM (
    SELECT
      "t0"."date",
      "t0"."page",
      "t0"."page_display",
      "t0"."views",
      "t0"."rank",
      "t0"."link",
      "t0"."category",
      "t0"."location_type",
      "t0"."location",
      "t0"."latitude",
      "t0"."longitude",
      ROW_NUMBER() OVER (
        PARTITION BY "t0"."page"
        ORDER BY "t0"."views" DESC, "t0"."date" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "best_order"
    FROM "window_rows" AS "t0"
  ) AS "t8"
  GROUP BY
    1
) AS "t16"
INNER JOIN (
  SELECT
    "t30"."page",
    "t30"."days_used",
    "t30"."baseline_days",
    "t30"."baseline_days_listed",
    COALESCE("t30"."length", 0) AS "streak",
    CASE
      WHEN "t30"."baseline_days" = 0
      THEN 'unknown'
      WHEN CAST((
        "t30"."first_place" - "t30"."before_place"
      ) - 1 AS INT) IS NULL
      THEN 'new'
      WHEN CAST((
        "t30"."first_place" - "t30"."before_place"
      ) - 1 AS INT) >= 7
      THEN 'returning'
      ELSE 'regular'
    END AS "presence",
    CAST((
      "t30"."first_place" - "t30"."before_place"
    ) - 1 AS INT) AS "days_away",
    "t30"."streak_start"
  FROM (
    SELECT
      "t29"."page",
      "t29"."baseline_days_listed",
      "t29"."first_place",
      "t29"."before_place",
      "t29"."length",
      "t29"."streak_start",
      "t11"."last_place",
      "t11"."days_used",
      "t11"."baseline_days"
    FROM (
      SELECT
        "t27".*
        EXCLUDE ("page_other")
      FROM (
        SELECT
          "t23"."page",
          "t23"."baseline_days_listed",
          "t23"."first_place",
          "t23"."before_place",
          "t26"."page" AS "page_other",
          "t26"."length",
          "t26"."streak_start"
        FROM (
          SELECT
            "t19"."page",
            CAST(SUM(
              CAST("t19"."day" < (
                SELECT
                  DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MIN("t3"."date")) AS "DateDelta('day', Min(date), DateFromYMD(1970, 1, 1))"
                FROM "window_days" AS "t3"
              ) AS INT)
            ) AS INT) AS "baseline_days_listed",
            MIN("t19"."place") FILTER(WHERE
              "t19"."in_window") AS "first_place",
            MAX("t19"."place") FILTER(WHERE
              NOT (
                "t19"."in_window"
              )) AS "before_place"
          FROM "t18" AS "t19"
          GROUP BY
            1
        ) AS "t23"
        LEFT OUTER JOIN (
          SELECT
            "t24"."page",
            "t24"."length",
            "t24"."streak_start"
          FROM (
            SELECT
              "t21"."page",
              "t21"."streak_id",
              "t21"."length",
              "t21"."last",
              "t21"."streak_start",
              "t14"."last_place"
            FROM (
              SELECT
                "t19"."page",
                "t19"."streak_id",
                CAST(COUNT(*) AS INT) AS "length",
                MAX("t19"."place") AS "last",
                MIN("t19"."date") AS "streak_start"
              FROM "t18" AS "t19"
              GROUP BY
                1,
                2
            ) AS "t21"
            CROSS JOIN (
              SELECT
                "t10"."last_place"
              FROM "t9" AS "t10"
            ) AS "t14"
          ) AS "t24"
          WHERE
            "t24"."last" = "t24"."last_place"
        ) AS "t26"
          ON "t23"."page" = "t26"."page"
      ) AS "t27"
    ) AS "t29"
    CROSS JOIN "t9" AS "t11"
  ) AS "t30"
) AS "t32"
  ON "t16"."page" = "t32"."page"
