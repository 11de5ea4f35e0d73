WITH "t5" AS (
  SELECT
    "t1"."day",
    "t1"."bound",
    EXP(
      CAST((
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t2"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t2"
      ) - "t1"."day" AS DOUBLE) * -0.6931471805599453
    ) * CAST((
      (
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t2"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t2"
      ) - "t1"."day"
    ) < 56 AS DOUBLE) AS "fast",
    EXP(
      CAST((
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t2"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t2"
      ) - "t1"."day" AS DOUBLE) * -0.1431008436406733
    ) * CAST((
      (
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t2"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t2"
      ) - "t1"."day"
    ) < 56 AS DOUBLE) AS "slow"
  FROM "step_02_days" AS "t1"
)
SELECT
  "t14"."page",
  "t14"."ewma_3",
  "t14"."ewma_14",
  "t14"."momentum",
  CASE
    WHEN "t14"."momentum" >= 1.0
    THEN 'surging'
    WHEN "t14"."momentum" >= 0.2
    THEN 'rising'
    WHEN "t14"."momentum" <= -0.2
    THEN 'falling'
    WHEN "t14"."momentum" IS NOT NULL
    THEN 'steady'
    ELSE CAST(NULL AS TEXT)
  END AS "momentum_label"
FROM (
  SELECT
    "t13"."page",
    "t13"."ewma_3",
    "t13"."ewma_14",
    (
      "t13"."ewma_3" / NULLIF("t13"."ewma_14", 0.0)
    ) - 1.0 AS "momentum"
  FROM (
    SELECT
      "t12"."page",
      (
        "t12"."fast_above" + "t10"."fast_bound"
      ) / "t10"."fast_weight" AS "ewma_3",
      (
        "t12"."slow_above" + "t10"."slow_bound"
      ) / "t10"."slow_weight" AS "ewma_14"
    FROM (
      SELECT
        "t8"."page",
        CAST(SUM(
          CAST(CAST("t8"."views" - "t8"."bound" AS DOUBLE) * "t8"."fast" AS DECIMAL(38, 20))
        ) AS DOUBLE) AS "fast_above",
        CAST(SUM(
          CAST(CAST("t8"."views" - "t8"."bound" AS DOUBLE) * "t8"."slow" AS DECIMAL(38, 20))
        ) AS DOUBLE) AS "slow_above"
      FROM (
        SELECT
          "t3"."page",
          "t3"."date",
          "t3"."views",
          "t3"."day",
          "t3"."weekday",
          "t3"."level",
          "t3"."listed",
          "t7"."bound",
          "t7"."fast",
          "t7"."slow"
        FROM "step_01_history" AS "t3"
        INNER JOIN "t5" AS "t7"
          ON "t3"."day" = "t7"."day"
      ) AS "t8"
      GROUP BY
        1
    ) AS "t12"
    CROSS JOIN (
      SELECT
        CAST(SUM(CAST("t6"."fast" AS DECIMAL(38, 20))) AS DOUBLE) AS "fast_weight",
        CAST(SUM(CAST("t6"."slow" AS DECIMAL(38, 20))) AS DOUBLE) AS "slow_weight",
        CAST(SUM(CAST("t6"."fast" * "t6"."bound" AS DECIMAL(38, 20))) AS DOUBLE) AS "fast_bound",
        CAST(SUM(CAST("t6"."slow" * "t6"."bound" AS DECIMAL(38, 20))) AS DOUBLE) AS "slow_bound"
      FROM "t5" AS "t6"
    ) AS "t10"
  ) AS "t13"
) AS "t14"
