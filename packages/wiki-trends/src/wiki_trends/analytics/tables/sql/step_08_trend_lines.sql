SELECT
  "t2"."page",
  "t2"."n",
  "t2"."cxx",
  "t2"."slope",
  (
    "t2"."sy" - (
      "t2"."slope" * "t2"."sx"
    )
  ) / "t2"."n" AS "intercept"
FROM (
  SELECT
    "t1"."page",
    "t1"."n",
    "t1"."sx",
    "t1"."sy",
    "t1"."sxx",
    "t1"."sxy",
    "t1"."sxx" - (
      (
        "t1"."sx" * "t1"."sx"
      ) / "t1"."n"
    ) AS "cxx",
    (
      "t1"."sxy" - (
        (
          "t1"."sx" * "t1"."sy"
        ) / "t1"."n"
      )
    ) / (
      "t1"."sxx" - (
        (
          "t1"."sx" * "t1"."sx"
        ) / "t1"."n"
      )
    ) AS "slope"
  FROM (
    SELECT
      "t0"."page",
      CAST(COUNT(*) AS DOUBLE) AS "n",
      SUM("t0"."x") AS "sx",
      CAST(SUM(CAST("t0"."y" AS DECIMAL(38, 20))) AS DOUBLE) AS "sy",
      SUM("t0"."x" * "t0"."x") AS "sxx",
      CAST(SUM(CAST("t0"."x" * "t0"."y" AS DECIMAL(38, 20))) AS DOUBLE) AS "sxy"
    FROM "step_07_trend_points" AS "t0"
    GROUP BY
      1
  ) AS "t1"
) AS "t2"
