SELECT
  "t20"."page",
  "t20"."date",
  "t20"."views",
  "t20"."day",
  "t20"."weekday",
  "t20"."level",
  "t20"."median",
  "t20"."recent_median",
  "t20"."reference_listed",
  "t20"."in_window",
  "t20"."place",
  "t20"."bound",
  "t20"."reference",
  "t20"."reference_first",
  "t20"."reference_last",
  "t20"."reference_days",
  "t20"."reference_bound",
  "t20"."bound_views",
  "t20"."usual_source",
  "t20"."deviation",
  "t20"."usual",
  "t20"."weekday_days",
  "t20"."weekday_median",
  CASE
    WHEN "t20"."weekday_days" >= 3
    THEN "t20"."weekday_median"
    ELSE CAST(NULL AS DOUBLE)
  END AS "weekday_effect",
  "t20"."usual" + GREATEST(
    COALESCE(
      CASE
        WHEN "t20"."weekday_days" >= 3
        THEN "t20"."weekday_median"
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "expected",
  "t20"."level" - (
    "t20"."usual" + GREATEST(
      COALESCE(
        CASE
          WHEN "t20"."weekday_days" >= 3
          THEN "t20"."weekday_median"
          ELSE CAST(NULL AS DOUBLE)
        END,
        0.0
      ),
      0.0
    )
  ) AS "surprise"
FROM (
  SELECT
    "t19".*
    EXCLUDE ("deviations")
  FROM (
    SELECT
      "t18"."page",
      "t18"."date",
      "t18"."views",
      "t18"."day",
      "t18"."weekday",
      "t18"."level",
      "t18"."median",
      "t18"."recent_median",
      "t18"."reference_listed",
      "t18"."in_window",
      "t18"."place",
      "t18"."bound",
      "t18"."reference",
      "t18"."reference_first",
      "t18"."reference_last",
      "t18"."reference_days",
      "t18"."reference_bound",
      "t18"."bound_views",
      "t18"."usual_source",
      "t18"."deviation",
      "t18"."usual",
      "t18"."deviations",
      CAST(COALESCE(ARRAY_LENGTH("t18"."deviations"), 0) AS INT) AS "weekday_days",
      (
        LIST_EXTRACT(
          LIST_SORT("t18"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t18"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t18"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        ) + LIST_EXTRACT(
          LIST_SORT("t18"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t18"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t18"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        )
      ) / 2.0 AS "weekday_median"
    FROM (
      SELECT
        "t17"."page",
        "t17"."date",
        "t17"."views",
        "t17"."day",
        "t17"."weekday",
        "t17"."level",
        "t17"."median",
        "t17"."recent_median",
        "t17"."reference_listed",
        "t17"."in_window",
        "t17"."place",
        "t17"."bound",
        "t17"."reference",
        "t17"."reference_first",
        "t17"."reference_last",
        "t17"."reference_days",
        "t17"."reference_bound",
        "t17"."bound_views",
        "t17"."usual_source",
        "t17"."deviation",
        "t17"."usual",
        ARRAY_AGG("t17"."deviation") FILTER(WHERE
          "t17"."deviation" IS NOT NULL) OVER (
          PARTITION BY "t17"."page", "t17"."weekday"
          ORDER BY "t17"."day" ASC
          RANGE BETWEEN 56 preceding AND 1 preceding
        ) AS "deviations"
      FROM (
        SELECT
          "t16"."page",
          "t16"."date",
          "t16"."views",
          "t16"."day",
          "t16"."weekday",
          "t16"."level",
          "t16"."median",
          "t16"."recent_median",
          "t16"."reference_listed",
          "t16"."in_window",
          "t16"."place",
          "t16"."bound",
          "t16"."reference",
          "t16"."reference_first",
          "t16"."reference_last",
          "t16"."reference_days",
          "t16"."reference_bound",
          "t16"."bound_views",
          "t16"."usual_source",
          "t16"."deviation",
          CASE
            WHEN "t16"."usual_source" = 'bound'
            THEN LN("t16"."bound_views" + 1.0)
            WHEN "t16"."usual_source" = 'week'
            THEN "t16"."recent_median"
            ELSE "t16"."median"
          END AS "usual"
        FROM (
          SELECT
            "t15"."page",
            "t15"."date",
            "t15"."views",
            "t15"."day",
            "t15"."weekday",
            "t15"."level",
            "t15"."median",
            "t15"."recent_median",
            "t15"."reference_listed",
            "t15"."in_window",
            "t15"."place",
            "t15"."bound",
            "t15"."reference",
            "t15"."reference_first",
            "t15"."reference_last",
            "t15"."reference_days",
            "t15"."reference_bound",
            GREATEST(CAST("t15"."bound" AS DOUBLE), "t15"."reference_bound") AS "bound_views",
            CASE
              WHEN NOT (
                (
                  (
                    "t15"."reference_listed" * 2
                  ) >= "t15"."reference_days"
                )
                AND (
                  "t15"."reference_listed" > 0
                )
              )
              THEN 'bound'
              WHEN "t15"."recent_median" > "t15"."median"
              THEN 'week'
              ELSE 'median'
            END AS "usual_source",
            CASE
              WHEN (
                (
                  "t15"."reference_listed" * 2
                ) >= "t15"."reference_days"
              )
              AND (
                "t15"."reference_listed" > 0
              )
              AND (
                "t15"."reference" = 'before'
              )
              THEN "t15"."level" - "t15"."median"
              ELSE CAST(NULL AS DOUBLE)
            END AS "deviation"
          FROM (
            SELECT
              "t14"."page",
              "t14"."date",
              "t14"."views",
              "t14"."day",
              "t14"."weekday",
              "t14"."level",
              CASE
                WHEN "t2"."reference" = 'window'
                THEN "t12"."median_after"
                ELSE "t14"."median"
              END AS "median",
              "t14"."recent_median",
              CASE
                WHEN "t2"."reference" = 'window'
                THEN COALESCE("t12"."listed_after", 0)
                ELSE "t14"."reference_listed"
              END AS "reference_listed",
              "t2"."in_window",
              "t2"."place",
              "t2"."bound",
              "t2"."reference",
              "t2"."reference_first",
              "t2"."reference_last",
              "t2"."reference_days",
              "t2"."reference_bound"
            FROM (
              SELECT
                "t9"."page",
                "t9"."date",
                "t9"."views",
                "t9"."day",
                "t9"."weekday",
                "t9"."level",
                (
                  LIST_EXTRACT(
                    LIST_SORT("t9"."levels"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."levels"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."levels"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  ) + LIST_EXTRACT(
                    LIST_SORT("t9"."levels"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."levels"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."levels"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  )
                ) / 2.0 AS "median",
                (
                  LIST_EXTRACT(
                    LIST_SORT("t9"."week"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."week"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."week"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  ) + LIST_EXTRACT(
                    LIST_SORT("t9"."week"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."week"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t9"."week"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  )
                ) / 2.0 AS "recent_median",
                CAST(COALESCE(ARRAY_LENGTH("t9"."levels"), 0) AS INT) AS "reference_listed"
              FROM (
                SELECT
                  "t1"."page",
                  "t1"."date",
                  "t1"."views",
                  "t1"."day",
                  "t1"."weekday",
                  "t1"."level",
                  ARRAY_AGG("t1"."level") FILTER(WHERE
                    "t1"."level" IS NOT NULL) OVER (
                    PARTITION BY "t1"."page"
                    ORDER BY "t1"."day" ASC
                    RANGE BETWEEN 28 preceding AND 1 preceding
                  ) AS "levels",
                  ARRAY_AGG("t1"."level") FILTER(WHERE
                    "t1"."level" IS NOT NULL) OVER (
                    PARTITION BY "t1"."page"
                    ORDER BY "t1"."day" ASC
                    RANGE BETWEEN 7 preceding AND 1 preceding
                  ) AS "week"
                FROM "step_01_history" AS "t1"
              ) AS "t9"
            ) AS "t14"
            INNER JOIN "step_02_days" AS "t2"
              ON "t14"."day" = "t2"."day"
            LEFT OUTER JOIN (
              SELECT
                "t10"."page",
                "t10"."day",
                QUANTILE_CONT("t10"."later_level", 0.5) AS "median_after",
                CAST(COUNT(*) AS INT) AS "listed_after"
              FROM (
                SELECT
                  "t6"."page",
                  "t6"."day",
                  "t8"."reference_first",
                  "t8"."reference_last",
                  "t7"."later_page",
                  "t7"."later_day",
                  "t7"."later_level"
                FROM (
                  SELECT
                    "t1"."page",
                    "t1"."day"
                  FROM "step_01_history" AS "t1"
                ) AS "t6"
                INNER JOIN (
                  SELECT
                    "t0"."day",
                    "t0"."reference_first",
                    "t0"."reference_last"
                  FROM "step_02_days" AS "t0"
                  WHERE
                    "t0"."reference" = 'window'
                ) AS "t8"
                  ON "t6"."day" = "t8"."day"
                INNER JOIN (
                  SELECT
                    "t1"."page" AS "later_page",
                    "t1"."day" AS "later_day",
                    "t1"."level" AS "later_level"
                  FROM "step_01_history" AS "t1"
                ) AS "t7"
                  ON "t6"."page" = "t7"."later_page"
                  AND "t7"."later_day" >= "t8"."reference_first"
                  AND "t7"."later_day" <= "t8"."reference_last"
              ) AS "t10"
              GROUP BY
                1,
                2
            ) AS "t12"
              ON "t14"."page" = "t12"."page" AND "t14"."day" = "t12"."day"
          ) AS "t15"
        ) AS "t16"
      ) AS "t17"
    ) AS "t18"
  ) AS "t19"
) AS "t20"
