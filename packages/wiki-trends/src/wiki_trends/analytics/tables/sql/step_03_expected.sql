SELECT
  "t21"."page",
  "t21"."date",
  "t21"."views",
  "t21"."day",
  "t21"."weekday",
  "t21"."level",
  "t21"."median",
  "t21"."recent_median",
  "t21"."reference_listed",
  "t21"."in_window",
  "t21"."place",
  "t21"."bound",
  "t21"."reference",
  "t21"."reference_first",
  "t21"."reference_last",
  "t21"."reference_days",
  "t21"."reference_bound",
  "t21"."bound_views",
  "t21"."usual_source",
  "t21"."deviation",
  "t21"."usual",
  "t21"."weekday_days",
  "t21"."weekday_median",
  CASE
    WHEN "t21"."weekday_days" >= 3
    THEN "t21"."weekday_median"
    ELSE CAST(NULL AS DOUBLE)
  END AS "weekday_effect",
  "t21"."usual" + GREATEST(
    COALESCE(
      CASE
        WHEN "t21"."weekday_days" >= 3
        THEN "t21"."weekday_median"
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "expected",
  "t21"."level" - (
    "t21"."usual" + GREATEST(
      COALESCE(
        CASE
          WHEN "t21"."weekday_days" >= 3
          THEN "t21"."weekday_median"
          ELSE CAST(NULL AS DOUBLE)
        END,
        0.0
      ),
      0.0
    )
  ) AS "surprise"
FROM (
  SELECT
    "t20".*
    EXCLUDE ("deviations")
  FROM (
    SELECT
      "t19"."page",
      "t19"."date",
      "t19"."views",
      "t19"."day",
      "t19"."weekday",
      "t19"."level",
      "t19"."median",
      "t19"."recent_median",
      "t19"."reference_listed",
      "t19"."in_window",
      "t19"."place",
      "t19"."bound",
      "t19"."reference",
      "t19"."reference_first",
      "t19"."reference_last",
      "t19"."reference_days",
      "t19"."reference_bound",
      "t19"."bound_views",
      "t19"."usual_source",
      "t19"."deviation",
      "t19"."usual",
      "t19"."deviations",
      CAST(COALESCE(ARRAY_LENGTH("t19"."deviations"), 0) AS INT) AS "weekday_days",
      (
        LIST_EXTRACT(
          LIST_SORT("t19"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t19"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t19"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        ) + LIST_EXTRACT(
          LIST_SORT("t19"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t19"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t19"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        )
      ) / 2.0 AS "weekday_median"
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
        ARRAY_AGG("t18"."deviation") FILTER(WHERE
          "t18"."deviation" IS NOT NULL) OVER (
          PARTITION BY "t18"."page", "t18"."weekday"
          ORDER BY "t18"."day" ASC
          RANGE BETWEEN 56 preceding AND 1 preceding
        ) AS "deviations"
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
          CASE
            WHEN "t17"."usual_source" = 'bound'
            THEN LN("t17"."bound_views" + 1.0)
            WHEN "t17"."usual_source" = 'week'
            THEN "t17"."recent_median"
            ELSE "t17"."median"
          END AS "usual"
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
            GREATEST(CAST("t16"."bound" AS DOUBLE), "t16"."reference_bound") AS "bound_views",
            CASE
              WHEN NOT (
                (
                  (
                    "t16"."reference_listed" * 2
                  ) >= "t16"."reference_days"
                )
                AND (
                  "t16"."reference_listed" > 0
                )
              )
              THEN 'bound'
              WHEN "t16"."recent_median" > "t16"."median"
              THEN 'week'
              ELSE 'median'
            END AS "usual_source",
            CASE
              WHEN (
                (
                  "t16"."reference_listed" * 2
                ) >= "t16"."reference_days"
              )
              AND (
                "t16"."reference_listed" > 0
              )
              AND (
                "t16"."reference" = 'before'
              )
              THEN "t16"."level" - "t16"."median"
              ELSE CAST(NULL AS DOUBLE)
            END AS "deviation"
          FROM (
            SELECT
              "t15"."page",
              "t15"."date",
              "t15"."views",
              "t15"."day",
              "t15"."weekday",
              "t15"."level",
              CASE
                WHEN "t2"."reference" = 'window'
                THEN "t12"."median_after"
                ELSE "t15"."median"
              END AS "median",
              "t15"."recent_median",
              CASE
                WHEN "t2"."reference" = 'window'
                THEN COALESCE("t12"."listed_after", 0)
                ELSE "t15"."reference_listed"
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
                "t13".*
                EXCLUDE ("levels", "week")
              FROM (
                SELECT
                  "t9"."page",
                  "t9"."date",
                  "t9"."views",
                  "t9"."day",
                  "t9"."weekday",
                  "t9"."level",
                  "t9"."levels",
                  "t9"."week",
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
              ) AS "t13"
            ) AS "t15"
            INNER JOIN "step_02_days" AS "t2"
              ON "t15"."day" = "t2"."day"
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
              ON "t15"."page" = "t12"."page" AND "t15"."day" = "t12"."day"
          ) AS "t16"
        ) AS "t17"
      ) AS "t18"
    ) AS "t19"
  ) AS "t20"
) AS "t21"
