WITH "t3" AS (
  SELECT
    *
  FROM "step_01_history" AS "t1"
  WHERE
    "t1"."listed"
    AND "t1"."day" > (
      (
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t0"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t0"
      ) - 14
    )
    AND "t1"."day" <= (
      SELECT
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t0"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
      FROM "window_days" AS "t0"
    )
), "t6" AS (
  SELECT
    "t4"."page",
    "t4"."date",
    "t4"."views",
    "t4"."day",
    "t4"."weekday",
    "t4"."level",
    COUNT(*) OVER (PARTITION BY "t4"."page" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS "listed"
  FROM "t3" AS "t4"
)
SELECT
  "t10"."page",
  CAST("t10"."day" - (
    SELECT
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t0"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
    FROM "window_days" AS "t0"
  ) AS DOUBLE) AS "x",
  "t10"."level" - COALESCE("t12"."mean_level", 0.0) AS "y"
FROM (
  SELECT
    *
  FROM "t6" AS "t7"
  WHERE
    "t7"."listed" >= 7
) AS "t10"
LEFT OUTER JOIN (
  SELECT
    "t9"."day",
    CAST(SUM(CAST("t9"."level" AS DECIMAL(38, 20))) AS DOUBLE) / COUNT(*) AS "mean_level"
  FROM (
    SELECT
      *
    FROM "t6" AS "t7"
    WHERE
      "t7"."listed" = (
        SELECT
          COUNT(DISTINCT "t4"."day") AS "CountDistinct(day)"
        FROM "t3" AS "t4"
      )
  ) AS "t9"
  GROUP BY
    1
) AS "t12"
  ON "t10"."day" = "t12"."day"
