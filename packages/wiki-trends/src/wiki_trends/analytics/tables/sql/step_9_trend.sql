WITH "t3" AS (
  SELECT
    *
  FROM "step_1_history" AS "t0"
  WHERE
    "t0"."day" > (
      (
        SELECT
          DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t1"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
        FROM "window_days" AS "t1"
      ) - 14
    )
    AND "t0"."day" <= (
      SELECT
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t1"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
      FROM "window_days" AS "t1"
    )
)
SELECT
  "t15"."page",
  CAST("t15"."n" AS INT) AS "trend_days",
  (
    EXP("t15"."cxy" / "t15"."cxx") - 1.0
  ) * 100.0 AS "trend_pct_per_day",
  (
    "t15"."cxy" / "t15"."cxx"
  ) / SQRT(
    (
      (
        GREATEST("t15"."cyy" - (
          (
            "t15"."cxy" / "t15"."cxx"
          ) * "t15"."cxy"
        ), 0.0) + 0.56
      ) / (
        (
          "t15"."n" - 2.0
        ) + 14
      )
    ) / "t15"."cxx"
  ) AS "trend_t"
FROM (
  SELECT
    "t14"."page",
    "t14"."n",
    "t14"."sx",
    "t14"."sy",
    "t14"."sxx",
    "t14"."sxy",
    "t14"."syy",
    "t14"."sxx" - (
      (
        "t14"."sx" * "t14"."sx"
      ) / "t14"."n"
    ) AS "cxx",
    "t14"."sxy" - (
      (
        "t14"."sx" * "t14"."sy"
      ) / "t14"."n"
    ) AS "cxy",
    "t14"."syy" - (
      (
        "t14"."sy" * "t14"."sy"
      ) / "t14"."n"
    ) AS "cyy"
  FROM (
    SELECT
      "t13"."page",
      CAST(COUNT(*) AS DOUBLE) AS "n",
      SUM("t13"."x") AS "sx",
      CAST(SUM(CAST("t13"."y" AS DECIMAL(38, 20))) AS DOUBLE) AS "sy",
      SUM("t13"."x" * "t13"."x") AS "sxx",
      CAST(SUM(CAST("t13"."x" * "t13"."y" AS DECIMAL(38, 20))) AS DOUBLE) AS "sxy",
      CAST(SUM(CAST("t13"."y" * "t13"."y" AS DECIMAL(38, 20))) AS DOUBLE) AS "syy"
    FROM (
      SELECT
        "t5"."page",
        CAST("t5"."day" - (
          SELECT
            DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t1"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
          FROM "window_days" AS "t1"
        ) AS DOUBLE) AS "x",
        "t5"."level" - COALESCE("t12"."mean_level", 0.0) AS "y"
      FROM "t3" AS "t5"
      LEFT OUTER JOIN (
        SELECT
          "t10"."day",
          CAST(SUM(CAST("t10"."level" AS DECIMAL(38, 20))) AS DOUBLE) / COUNT(*) AS "mean_level"
        FROM (
          SELECT
            "t5"."page",
            "t5"."date",
            "t5"."views",
            "t5"."day",
            "t5"."weekday",
            "t5"."level"
          FROM "t3" AS "t5"
          SEMI JOIN (
            SELECT
              *
            FROM (
              SELECT
                "t4"."page",
                COUNT(*) AS "listed"
              FROM "t3" AS "t4"
              GROUP BY
                1
            ) AS "t6"
            WHERE
              "t6"."listed" = (
                SELECT
                  COUNT(DISTINCT "t4"."day") AS "CountDistinct(day)"
                FROM "t3" AS "t4"
              )
          ) AS "t9"
            ON "t5"."page" = "t9"."page"
        ) AS "t10"
        GROUP BY
          1
      ) AS "t12"
        ON "t5"."day" = "t12"."day"
    ) AS "t13"
    GROUP BY
      1
  ) AS "t14"
  WHERE
    "t14"."n" >= 7
) AS "t15"
