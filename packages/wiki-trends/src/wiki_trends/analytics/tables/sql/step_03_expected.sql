WITH "t20" AS (
  SELECT
    *
  FROM "step_02_days" AS "t1"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t16"."day",
      FALSE AS "in_window",
      CAST(NULL AS BIGINT) AS "place",
      CAST(NULL AS BIGINT) AS "bound",
      'before' AS "reference",
      "t16"."day" - 28 AS "reference_first",
      "t16"."day" - 1 AS "reference_last",
      "t16"."reference_days",
      CAST(NULL AS DOUBLE) AS "reference_bound"
    FROM (
      SELECT
        "t15"."day",
        CAST(COUNT("t15"."list_day") AS INT) AS "reference_days"
      FROM (
        SELECT
          "t14"."day",
          "t11"."list_day"
        FROM (
          SELECT DISTINCT
            "t0"."day"
          FROM "step_01_history" AS "t0"
          WHERE
            NOT (
              "t0"."listed"
            )
        ) AS "t14"
        ANTI JOIN "step_02_days" AS "t3"
          ON "t14"."day" = "t3"."day"
        LEFT OUTER JOIN (
          SELECT
            "t1"."day" AS "list_day"
          FROM "step_02_days" AS "t1"
        ) AS "t11"
          ON "t11"."list_day" >= (
            "t14"."day" - 28
          )
          AND "t11"."list_day" <= (
            "t14"."day" - 1
          )
      ) AS "t15"
      GROUP BY
        1
    ) AS "t16"
  ) AS "t19"
)
SELECT
  "t38"."page",
  "t38"."date",
  "t38"."views",
  "t38"."day",
  "t38"."weekday",
  "t38"."level",
  "t38"."listed",
  "t38"."median",
  "t38"."recent_median",
  "t38"."reference_listed",
  "t38"."in_window",
  "t38"."place",
  "t38"."bound",
  "t38"."reference",
  "t38"."reference_first",
  "t38"."reference_last",
  "t38"."reference_days",
  "t38"."reference_bound",
  "t38"."bound_views",
  "t38"."usual_source",
  "t38"."deviation",
  "t38"."usual",
  "t38"."weekday_days",
  "t38"."weekday_median",
  CASE
    WHEN "t38"."weekday_days" >= 3
    THEN "t38"."weekday_median"
    ELSE CAST(NULL AS DOUBLE)
  END AS "weekday_effect",
  "t38"."usual" + GREATEST(
    COALESCE(
      CASE
        WHEN "t38"."weekday_days" >= 3
        THEN "t38"."weekday_median"
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "expected",
  "t38"."level" - (
    "t38"."usual" + GREATEST(
      COALESCE(
        CASE
          WHEN "t38"."weekday_days" >= 3
          THEN "t38"."weekday_median"
          ELSE CAST(NULL AS DOUBLE)
        END,
        0.0
      ),
      0.0
    )
  ) AS "surprise"
FROM (
  SELECT
    "t37".*
    EXCLUDE ("deviations")
  FROM (
    SELECT
      "t36"."page",
      "t36"."date",
      "t36"."views",
      "t36"."day",
      "t36"."weekday",
      "t36"."level",
      "t36"."listed",
      "t36"."median",
      "t36"."recent_median",
      "t36"."reference_listed",
      "t36"."in_window",
      "t36"."place",
      "t36"."bound",
      "t36"."reference",
      "t36"."reference_first",
      "t36"."reference_last",
      "t36"."reference_days",
      "t36"."reference_bound",
      "t36"."bound_views",
      "t36"."usual_source",
      "t36"."deviation",
      "t36"."usual",
      "t36"."deviations",
      CAST(COALESCE(ARRAY_LENGTH("t36"."deviations"), 0) AS INT) AS "weekday_days",
      (
        LIST_EXTRACT(
          LIST_SORT("t36"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t36"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t36"."deviations"), 0) - 1
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        ) + LIST_EXTRACT(
          LIST_SORT("t36"."deviations"),
          CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t36"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
            NULLIF(ARRAY_LENGTH("t36"."deviations"), 0)
          ) / (
            2
          )) AS BIGINT) AS INT) >= 0 AS INT)
        )
      ) / 2.0 AS "weekday_median"
    FROM (
      SELECT
        "t35"."page",
        "t35"."date",
        "t35"."views",
        "t35"."day",
        "t35"."weekday",
        "t35"."level",
        "t35"."listed",
        "t35"."median",
        "t35"."recent_median",
        "t35"."reference_listed",
        "t35"."in_window",
        "t35"."place",
        "t35"."bound",
        "t35"."reference",
        "t35"."reference_first",
        "t35"."reference_last",
        "t35"."reference_days",
        "t35"."reference_bound",
        "t35"."bound_views",
        "t35"."usual_source",
        "t35"."deviation",
        "t35"."usual",
        ARRAY_AGG("t35"."deviation") FILTER(WHERE
          "t35"."deviation" IS NOT NULL) OVER (
          PARTITION BY "t35"."page", "t35"."weekday"
          ORDER BY "t35"."day" ASC
          RANGE BETWEEN 56 preceding AND 1 preceding
        ) AS "deviations"
      FROM (
        SELECT
          "t34"."page",
          "t34"."date",
          "t34"."views",
          "t34"."day",
          "t34"."weekday",
          "t34"."level",
          "t34"."listed",
          "t34"."median",
          "t34"."recent_median",
          "t34"."reference_listed",
          "t34"."in_window",
          "t34"."place",
          "t34"."bound",
          "t34"."reference",
          "t34"."reference_first",
          "t34"."reference_last",
          "t34"."reference_days",
          "t34"."reference_bound",
          "t34"."bound_views",
          "t34"."usual_source",
          "t34"."deviation",
          CASE
            WHEN "t34"."usual_source" = 'bound'
            THEN LN("t34"."bound_views" + 1.0)
            WHEN "t34"."usual_source" = 'week'
            THEN "t34"."recent_median"
            ELSE "t34"."median"
          END AS "usual"
        FROM (
          SELECT
            "t33"."page",
            "t33"."date",
            "t33"."views",
            "t33"."day",
            "t33"."weekday",
            "t33"."level",
            "t33"."listed",
            "t33"."median",
            "t33"."recent_median",
            "t33"."reference_listed",
            "t33"."in_window",
            "t33"."place",
            "t33"."bound",
            "t33"."reference",
            "t33"."reference_first",
            "t33"."reference_last",
            "t33"."reference_days",
            "t33"."reference_bound",
            GREATEST(CAST("t33"."bound" AS DOUBLE), "t33"."reference_bound") AS "bound_views",
            CASE
              WHEN NOT (
                (
                  (
                    "t33"."reference_listed" * 2
                  ) >= "t33"."reference_days"
                )
                AND (
                  "t33"."reference_listed" > 0
                )
              )
              THEN 'bound'
              WHEN "t33"."recent_median" > "t33"."median"
              THEN 'week'
              ELSE 'median'
            END AS "usual_source",
            CASE
              WHEN (
                (
                  "t33"."reference_listed" * 2
                ) >= "t33"."reference_days"
              )
              AND (
                "t33"."reference_listed" > 0
              )
              AND (
                "t33"."reference" = 'before'
              )
              THEN "t33"."level" - "t33"."median"
              ELSE CAST(NULL AS DOUBLE)
            END AS "deviation"
          FROM (
            SELECT
              "t18"."page",
              "t18"."date",
              "t18"."views",
              "t18"."day",
              "t18"."weekday",
              "t18"."level",
              "t18"."listed",
              CASE
                WHEN CASE
                  WHEN (
                    "t22"."reference" = 'before'
                  ) OR (
                    COALESCE("t31"."more_before", 0) > 0
                  )
                  THEN 'before'
                  ELSE "t22"."reference"
                END = 'window'
                THEN "t32"."median_after"
                ELSE "t18"."median"
              END AS "median",
              "t18"."recent_median",
              CASE
                WHEN CASE
                  WHEN (
                    "t22"."reference" = 'before'
                  ) OR (
                    COALESCE("t31"."more_before", 0) > 0
                  )
                  THEN 'before'
                  ELSE "t22"."reference"
                END = 'window'
                THEN COALESCE("t32"."listed_after", 0)
                ELSE "t18"."reference_listed"
              END AS "reference_listed",
              "t22"."in_window",
              "t22"."place",
              "t22"."bound",
              CASE
                WHEN (
                  "t22"."reference" = 'before'
                ) OR (
                  COALESCE("t31"."more_before", 0) > 0
                )
                THEN 'before'
                ELSE "t22"."reference"
              END AS "reference",
              CASE
                WHEN (
                  "t22"."reference" = 'before'
                ) OR (
                  COALESCE("t31"."more_before", 0) > 0
                )
                THEN "t18"."day" - 28
                ELSE "t22"."reference_first"
              END AS "reference_first",
              CASE
                WHEN (
                  "t22"."reference" = 'before'
                ) OR (
                  COALESCE("t31"."more_before", 0) > 0
                )
                THEN "t18"."day" - 1
                ELSE "t22"."reference_last"
              END AS "reference_last",
              CAST(CASE
                WHEN "t22"."reference" = 'before'
                THEN "t22"."reference_days" + COALESCE("t31"."more_before", 0)
                WHEN (
                  "t22"."reference" = 'before'
                ) OR (
                  COALESCE("t31"."more_before", 0) > 0
                )
                THEN COALESCE("t31"."more_before", 0)
                ELSE "t22"."reference_days" + COALESCE("t31"."more_after", 0)
              END AS INT) AS "reference_days",
              "t22"."reference_bound"
            FROM (
              SELECT
                "t12"."page",
                "t12"."date",
                "t12"."views",
                "t12"."day",
                "t12"."weekday",
                "t12"."level",
                "t12"."listed",
                (
                  LIST_EXTRACT(
                    LIST_SORT("t12"."levels"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."levels"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."levels"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  ) + LIST_EXTRACT(
                    LIST_SORT("t12"."levels"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."levels"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."levels"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  )
                ) / 2.0 AS "median",
                (
                  LIST_EXTRACT(
                    LIST_SORT("t12"."week"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."week"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."week"), 0) - 1
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  ) + LIST_EXTRACT(
                    LIST_SORT("t12"."week"),
                    CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."week"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) + CAST(CAST(CAST(FLOOR((
                      NULLIF(ARRAY_LENGTH("t12"."week"), 0)
                    ) / (
                      2
                    )) AS BIGINT) AS INT) >= 0 AS INT)
                  )
                ) / 2.0 AS "recent_median",
                CAST(COALESCE(ARRAY_LENGTH("t12"."levels"), 0) AS INT) AS "reference_listed"
              FROM (
                SELECT
                  "t0"."page",
                  "t0"."date",
                  "t0"."views",
                  "t0"."day",
                  "t0"."weekday",
                  "t0"."level",
                  "t0"."listed",
                  ARRAY_AGG("t0"."level") FILTER(WHERE
                    "t0"."level" IS NOT NULL) OVER (
                    PARTITION BY "t0"."page"
                    ORDER BY "t0"."day" ASC
                    RANGE BETWEEN 28 preceding AND 1 preceding
                  ) AS "levels",
                  ARRAY_AGG("t0"."level") FILTER(WHERE
                    "t0"."level" IS NOT NULL) OVER (
                    PARTITION BY "t0"."page"
                    ORDER BY "t0"."day" ASC
                    RANGE BETWEEN 7 preceding AND 1 preceding
                  ) AS "week"
                FROM "step_01_history" AS "t0"
              ) AS "t12"
            ) AS "t18"
            INNER JOIN "t20" AS "t22"
              ON "t18"."day" = "t22"."day"
            LEFT OUTER JOIN (
              SELECT
                "t27"."page",
                "t27"."day",
                SUM("t27"."without_list") OVER (
                  PARTITION BY "t27"."page"
                  ORDER BY "t27"."day" ASC
                  RANGE BETWEEN 28 preceding AND 1 preceding
                ) AS "more_before",
                SUM("t27"."without_list") OVER (
                  PARTITION BY "t27"."page"
                  ORDER BY "t27"."day" ASC
                  RANGE BETWEEN 1 following AND 28 following
                ) AS "more_after"
              FROM (
                SELECT
                  "t2"."page",
                  "t2"."day",
                  CAST("t24"."place" IS NULL AS INT) AS "without_list"
                FROM "step_01_history" AS "t2"
                SEMI JOIN (
                  SELECT DISTINCT
                    "t0"."page"
                  FROM "step_01_history" AS "t0"
                  WHERE
                    NOT (
                      "t0"."listed"
                    )
                ) AS "t13"
                  ON "t2"."page" = "t13"."page"
                INNER JOIN (
                  SELECT
                    "t21"."day",
                    "t21"."place"
                  FROM "t20" AS "t21"
                ) AS "t24"
                  ON "t2"."day" = "t24"."day"
              ) AS "t27"
            ) AS "t31"
              ON "t18"."page" = "t31"."page" AND "t18"."day" = "t31"."day"
            LEFT OUTER JOIN (
              SELECT
                "t28"."page",
                "t28"."day",
                QUANTILE_CONT("t28"."later_level", 0.5) AS "median_after",
                CAST(COUNT(*) AS INT) AS "listed_after"
              FROM (
                SELECT
                  "t7"."page",
                  "t7"."day",
                  "t26"."reference_first",
                  "t26"."reference_last",
                  "t8"."later_page",
                  "t8"."later_day",
                  "t8"."later_level"
                FROM (
                  SELECT
                    "t0"."page",
                    "t0"."day"
                  FROM "step_01_history" AS "t0"
                ) AS "t7"
                INNER JOIN (
                  SELECT
                    "t21"."day",
                    "t21"."reference_first",
                    "t21"."reference_last"
                  FROM "t20" AS "t21"
                  WHERE
                    "t21"."reference" = 'window'
                ) AS "t26"
                  ON "t7"."day" = "t26"."day"
                INNER JOIN (
                  SELECT
                    "t0"."page" AS "later_page",
                    "t0"."day" AS "later_day",
                    "t0"."level" AS "later_level"
                  FROM "step_01_history" AS "t0"
                ) AS "t8"
                  ON "t7"."page" = "t8"."later_page"
                  AND "t8"."later_day" >= "t26"."reference_first"
                  AND "t8"."later_day" <= "t26"."reference_last"
              ) AS "t28"
              GROUP BY
                1,
                2
            ) AS "t32"
              ON "t18"."page" = "t32"."page" AND "t18"."day" = "t32"."day"
          ) AS "t33"
        ) AS "t34"
      ) AS "t35"
    ) AS "t36"
  ) AS "t37"
) AS "t38"
