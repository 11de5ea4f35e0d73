WITH "t6" AS (
  SELECT
    "t4"."day",
    "t4"."in_window",
    "t4"."place",
    "t4"."bound",
    "t4"."reference",
    "t4"."reference_first",
    "t4"."reference_last",
    "t4"."reference_days",
    "t4"."reference_bound",
    ROW_NUMBER() OVER (ORDER BY "t4"."day" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1 AS "number"
  FROM (
    SELECT
      *
    FROM "step_02_days" AS "t1"
    WHERE
      "t1"."in_window"
  ) AS "t4"
)
SELECT
  "t16"."page",
  "t16"."half_days",
  "t16"."first_half_views",
  "t16"."last_half_views",
  ABS(
    CAST("t16"."last_half_views" AS DOUBLE) - CAST("t16"."first_half_views" AS DOUBLE)
  ) * LN(
    (
      CAST("t16"."last_half_views" AS DOUBLE) + 1.0
    ) / (
      CAST("t16"."first_half_views" AS DOUBLE) + 1.0
    )
  ) AS "wikitrends_score"
FROM (
  SELECT
    "t15"."page",
    "t13"."half_days",
    CASE
      WHEN "t13"."half_days" > 0
      THEN CAST(CAST("t15"."first_above" + "t13"."first_bound" AS DECIMAL(38, 0)) AS BIGINT)
      ELSE CAST(NULL AS BIGINT)
    END AS "first_half_views",
    CASE
      WHEN "t13"."half_days" > 0
      THEN CAST(CAST("t15"."last_above" + "t13"."last_bound" AS DECIMAL(38, 0)) AS BIGINT)
      ELSE CAST(NULL AS BIGINT)
    END AS "last_half_views"
  FROM (
    SELECT
      "t12"."page",
      COALESCE(SUM("t12"."views" - "t12"."bound") FILTER(WHERE
        "t12"."half" = 1), 0) AS "first_above",
      COALESCE(SUM("t12"."views" - "t12"."bound") FILTER(WHERE
        "t12"."half" = 2), 0) AS "last_above"
    FROM (
      SELECT
        "t3"."page",
        "t3"."date",
        "t3"."views",
        "t3"."day",
        "t3"."weekday",
        "t3"."level",
        "t3"."listed",
        "t10"."bound",
        "t10"."half"
      FROM "step_01_history" AS "t3"
      INNER JOIN (
        SELECT
          "t7"."day",
          "t7"."bound",
          CAST(CASE
            WHEN "t7"."number" < CAST(FLOOR(
              (
                SELECT
                  COUNT(*) AS "CountStar(window_days)"
                FROM "window_days" AS "t2"
              ) / 2
            ) AS BIGINT)
            THEN 1
            WHEN "t7"."number" >= (
              (
                SELECT
                  COUNT(*) AS "CountStar(window_days)"
                FROM "window_days" AS "t2"
              ) - CAST(FLOOR(
                (
                  SELECT
                    COUNT(*) AS "CountStar(window_days)"
                  FROM "window_days" AS "t2"
                ) / 2
              ) AS BIGINT)
            )
            THEN 2
            ELSE 0
          END AS INT) AS "half"
        FROM "t6" AS "t7"
      ) AS "t10"
        ON "t3"."day" = "t10"."day"
    ) AS "t12"
    GROUP BY
      1
  ) AS "t15"
  CROSS JOIN (
    SELECT
      COALESCE(SUM("t8"."bound") FILTER(WHERE
        "t8"."half" = 1), 0) AS "first_bound",
      COALESCE(SUM("t8"."bound") FILTER(WHERE
        "t8"."half" = 2), 0) AS "last_bound",
      CAST(SUM(CAST("t8"."half" = 1 AS INT)) AS INT) AS "half_days"
    FROM (
      SELECT
        "t7"."day",
        "t7"."in_window",
        "t7"."place",
        "t7"."bound",
        "t7"."reference",
        "t7"."reference_first",
        "t7"."reference_last",
        "t7"."reference_days",
        "t7"."reference_bound",
        "t7"."number",
        CAST(CASE
          WHEN "t7"."number" < CAST(FLOOR(
            (
              SELECT
                COUNT(*) AS "CountStar(window_days)"
              FROM "window_days" AS "t2"
            ) / 2
          ) AS BIGINT)
          THEN 1
          WHEN "t7"."number" >= (
            (
              SELECT
                COUNT(*) AS "CountStar(window_days)"
              FROM "window_days" AS "t2"
            ) - CAST(FLOOR(
              (
                SELECT
                  COUNT(*) AS "CountStar(window_days)"
                FROM "window_days" AS "t2"
              ) / 2
            ) AS BIGINT)
          )
          THEN 2
          ELSE 0
        END AS INT) AS "half"
      FROM "t6" AS "t7"
    ) AS "t8"
  ) AS "t13"
) AS "t16"
