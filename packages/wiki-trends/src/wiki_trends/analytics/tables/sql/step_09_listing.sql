WITH "t10" AS (
  SELECT
    MAX("t1"."place") AS "last_place",
    CAST(SUM(CAST("t1"."in_window" AS INT)) AS INT) AS "days_used",
    CAST(SUM(CAST(NOT (
      "t1"."in_window"
    ) AS INT)) AS INT) AS "baseline_days"
  FROM "step_02_days" AS "t1"
), "t19" AS (
  SELECT
    "t18"."page",
    "t18"."date",
    "t18"."day",
    "t18"."place",
    "t18"."in_window",
    "t18"."number",
    "t18"."place" - "t18"."number" AS "streak_id"
  FROM (
    SELECT
      "t13"."page",
      "t13"."date",
      "t13"."day",
      "t13"."place",
      "t13"."in_window",
      ROW_NUMBER() OVER (
        PARTITION BY "t13"."page"
        ORDER BY "t13"."place" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "number"
    FROM (
      SELECT
        "t7"."page",
        "t7"."date",
        "t7"."day",
        "t6"."place",
        "t6"."in_window"
      FROM (
        SELECT
          *
        FROM "step_01_history" AS "t3"
        WHERE
          "t3"."listed"
      ) AS "t7"
      INNER JOIN (
        SELECT
          "t1"."day",
          "t1"."place",
          "t1"."in_window"
        FROM "step_02_days" AS "t1"
      ) AS "t6"
        ON "t7"."day" = "t6"."day"
    ) AS "t13"
  ) AS "t18"
)
SELECT
  "t17"."page",
  "t17"."page_display",
  "t17"."category",
  "t17"."location",
  "t33"."days_used",
  "t17"."days_listed",
  "t33"."baseline_days",
  "t33"."baseline_days_listed",
  "t17"."peak_date",
  "t17"."peak_views",
  "t17"."peak_rank",
  "t17"."best_rank",
  "t17"."views",
  "t33"."streak",
  "t33"."presence",
  "t33"."days_away",
  "t33"."streak_start"
FROM (
  SELECT
    "t9"."page",
    FIRST("t9"."page_display" ORDER BY "t9"."date" DESC) AS "page_display",
    FIRST("t9"."category" ORDER BY "t9"."date" DESC) AS "category",
    FIRST("t9"."location" ORDER BY "t9"."date" DESC) AS "location",
    CAST(COUNT(*) AS INT) AS "days_listed",
    MAX("t9"."date") FILTER(WHERE
      "t9"."best_order" = 0) AS "peak_date",
    MAX("t9"."views") AS "peak_views",
    MAX("t9"."rank") FILTER(WHERE
      "t9"."best_order" = 0) AS "peak_rank",
    MIN("t9"."rank") AS "best_rank",
    CAST(CAST(SUM("t9"."views") AS DECIMAL(38, 0)) AS BIGINT) AS "views"
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
  ) AS "t9"
  GROUP BY
    1
) AS "t17"
INNER JOIN (
  SELECT
    "t31"."page",
    "t31"."days_used",
    "t31"."baseline_days",
    "t31"."baseline_days_listed",
    COALESCE("t31"."length", 0) AS "streak",
    CASE
      WHEN "t31"."baseline_days" = 0
      THEN 'unknown'
      WHEN CAST((
        "t31"."first_place" - "t31"."before_place"
      ) - 1 AS INT) IS NULL
      THEN 'new'
      WHEN CAST((
        "t31"."first_place" - "t31"."before_place"
      ) - 1 AS INT) >= 7
      THEN 'returning'
      ELSE 'regular'
    END AS "presence",
    CAST((
      "t31"."first_place" - "t31"."before_place"
    ) - 1 AS INT) AS "days_away",
    "t31"."streak_start"
  FROM (
    SELECT
      "t30"."page",
      "t30"."baseline_days_listed",
      "t30"."first_place",
      "t30"."before_place",
      "t30"."length",
      "t30"."streak_start",
      "t12"."last_place",
      "t12"."days_used",
      "t12"."baseline_days"
    FROM (
      SELECT
        "t28".*
        EXCLUDE ("page_other")
      FROM (
        SELECT
          "t24"."page",
          "t24"."baseline_days_listed",
          "t24"."first_place",
          "t24"."before_place",
          "t27"."page" AS "page_other",
          "t27"."length",
          "t27"."streak_start"
        FROM (
          SELECT
            "t20"."page",
            CAST(SUM(
              CAST("t20"."day" < (
                SELECT
                  DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MIN("t2"."date")) AS "DateDelta('day', Min(date), DateFromYMD(1970, 1, 1))"
                FROM "window_days" AS "t2"
              ) AS INT)
            ) AS INT) AS "baseline_days_listed",
            MIN("t20"."place") FILTER(WHERE
              "t20"."in_window") AS "first_place",
            MAX("t20"."place") FILTER(WHERE
              NOT (
                "t20"."in_window"
              )) AS "before_place"
          FROM "t19" AS "t20"
          GROUP BY
            1
        ) AS "t24"
        LEFT OUTER JOIN (
          SELECT
            "t25"."page",
            "t25"."length",
            "t25"."streak_start"
          FROM (
            SELECT
              "t22"."page",
              "t22"."streak_id",
              "t22"."length",
              "t22"."last",
              "t22"."streak_start",
              "t15"."last_place"
            FROM (
              SELECT
                "t20"."page",
                "t20"."streak_id",
                CAST(COUNT(*) AS INT) AS "length",
                MAX("t20"."place") AS "last",
                MIN("t20"."date") AS "streak_start"
              FROM "t19" AS "t20"
              GROUP BY
                1,
                2
            ) AS "t22"
            CROSS JOIN (
              SELECT
                "t11"."last_place"
              FROM "t10" AS "t11"
            ) AS "t15"
          ) AS "t25"
          WHERE
            "t25"."last" = "t25"."last_place"
        ) AS "t27"
          ON "t24"."page" = "t27"."page"
      ) AS "t28"
    ) AS "t30"
    CROSS JOIN "t10" AS "t12"
  ) AS "t31"
) AS "t33"
  ON "t17"."page" = "t33"."page"
