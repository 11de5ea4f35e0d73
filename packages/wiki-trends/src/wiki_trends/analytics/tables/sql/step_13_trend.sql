SELECT
  "t11"."page",
  CAST("t11"."n" AS INT) AS "trend_days",
  (
    EXP("t11"."slope") - 1.0
  ) * 100.0 AS "trend_pct_per_day",
  "t11"."slope" / "t11"."se" AS "trend_t",
  "t11"."slope" AS "trend_slope",
  "t11"."rho" AS "trend_rho",
  "t11"."se" AS "trend_se",
  CAST(ROUND(ABS("t11"."slope" / "t11"."se"), 9) AS DOUBLE) >= 3.0 AS "has_trend"
FROM (
  SELECT
    "t10"."page",
    "t10"."n",
    "t10"."cxx",
    "t10"."slope",
    "t10"."intercept",
    "t10"."squares",
    "t10"."products",
    "t10"."variance",
    "t10"."rho",
    SQRT(
      (
        "t10"."variance" / "t10"."cxx"
      ) * (
        (
          "t10"."rho" + 1.0
        ) / (
          1.0 - "t10"."rho"
        )
      )
    ) AS "se"
  FROM (
    SELECT
      "t9"."page",
      "t9"."n",
      "t9"."cxx",
      "t9"."slope",
      "t9"."intercept",
      "t9"."squares",
      "t9"."products",
      GREATEST(
        "t9"."squares" / (
          "t9"."n" - 2.0
        ),
        (
          "t9"."squares" + 0.56
        ) / (
          (
            "t9"."n" - 2.0
          ) + 14
        )
      ) AS "variance",
      LEAST(
        GREATEST(
          (
            (
              "t9"."products" / (
                "t9"."squares" + 0.0001
              )
            ) + (
              2.5 / "t9"."n"
            )
          ) / (
            1.0 - (
              5.0 / "t9"."n"
            )
          ),
          0.0
        ),
        0.9
      ) AS "rho"
    FROM (
      SELECT
        "t2"."page",
        "t2"."n",
        "t2"."cxx",
        "t2"."slope",
        "t2"."intercept",
        "t8"."squares",
        "t8"."products"
      FROM "step_08_trend_lines" AS "t2"
      INNER JOIN (
        SELECT
          "t6"."page",
          CAST(SUM(CAST("t6"."residual" * "t6"."residual" AS DECIMAL(38, 20))) AS DOUBLE) AS "squares",
          CAST(SUM(
            CAST(CASE
              WHEN (
                "t6"."x" - "t6"."x_before"
              ) = 1.0
              THEN "t6"."residual" * "t6"."before"
              ELSE 0.0
            END AS DECIMAL(38, 20))
          ) AS DOUBLE) AS "products"
        FROM (
          SELECT
            "t5"."page",
            "t5"."x",
            "t5"."residual",
            LAG("t5"."residual") OVER (
              PARTITION BY "t5"."page"
              ORDER BY "t5"."x" ASC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS "before",
            LAG("t5"."x") OVER (
              PARTITION BY "t5"."page"
              ORDER BY "t5"."x" ASC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS "x_before"
          FROM (
            SELECT
              "t4"."page",
              "t4"."x",
              (
                "t4"."y" - "t3"."intercept"
              ) - (
                "t3"."slope" * "t4"."x"
              ) AS "residual"
            FROM "step_07_trend_points" AS "t4"
            INNER JOIN "step_08_trend_lines" AS "t3"
              ON "t4"."page" = "t3"."page"
          ) AS "t5"
        ) AS "t6"
        GROUP BY
          1
      ) AS "t8"
        ON "t2"."page" = "t8"."page"
    ) AS "t9"
  ) AS "t10"
) AS "t11"
