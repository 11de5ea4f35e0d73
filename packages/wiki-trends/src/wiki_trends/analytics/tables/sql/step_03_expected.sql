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
  "t17"."weekday_days",
  "t17"."weekday_median",
  CASE
    WHEN "t17"."weekday_days" >= 3
    THEN "t17"."weekday_median"
    ELSE CAST(NULL AS DOUBLE)
  END AS "weekday_effect",
  "t17"."usual" + GREATEST(
    COALESCE(
      CASE
        WHEN "t17"."weekday_days" >= 3
        THEN "t17"."weekday_median"
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "expected",
  "t17"."level" - (
    "t17"."usual" + GREATEST(
      COALESCE(
        CASE
          WHEN "t17"."weekday_days" >= 3
          THEN "t17"."weekday_median"
          ELSE CAST(NULL AS DOUBLE)
        END,
        0.0
      ),
      0.0
    )
  ) AS "surprise"
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
    "t16"."usual",
    CAST(COUNT("t16"."deviation") OVER (
      PARTITION BY "t16"."page", "t16"."weekday"
      ORDER BY "t16"."day" ASC
      RANGE BETWEEN 56 preceding AND 1 preceding
    ) AS INT) AS "weekday_days",
    QUANTILE_CONT("t16"."deviation", 0.5) OVER (
      PARTITION BY "t16"."page", "t16"."weekday"
      ORDER BY "t16"."day" ASC
      RANGE BETWEEN 56 preceding AND 1 preceding
    ) AS "weekday_median"
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
      "t15"."bound_views",
      "t15"."usual_source",
      "t15"."deviation",
      CASE
        WHEN "t15"."usual_source" = 'bound'
        THEN LN("t15"."bound_views" + 1.0)
        WHEN "t15"."usual_source" = 'week'
        THEN "t15"."recent_median"
        ELSE "t15"."median"
      END AS "usual"
    FROM (
      SELECT
        "t14"."page",
        "t14"."date",
        "t14"."views",
        "t14"."day",
        "t14"."weekday",
        "t14"."level",
        "t14"."median",
        "t14"."recent_median",
        "t14"."reference_listed",
        "t14"."in_window",
        "t14"."place",
        "t14"."bound",
        "t14"."reference",
        "t14"."reference_first",
        "t14"."reference_last",
        "t14"."reference_days",
        "t14"."reference_bound",
        GREATEST(CAST("t14"."bound" AS DOUBLE), "t14"."reference_bound") AS "bound_views",
        CASE
          WHEN NOT (
            (
              (
                "t14"."reference_listed" * 2
              ) >= "t14"."reference_days"
            )
            AND (
              "t14"."reference_listed" > 0
            )
          )
          THEN 'bound'
          WHEN "t14"."recent_median" > "t14"."median"
          THEN 'week'
          ELSE 'median'
        END AS "usual_source",
        CASE
          WHEN (
            (
              "t14"."reference_listed" * 2
            ) >= "t14"."reference_days"
          )
          AND (
            "t14"."reference_listed" > 0
          )
          AND (
            "t14"."reference" = 'before'
          )
          THEN "t14"."level" - "t14"."median"
          ELSE CAST(NULL AS DOUBLE)
        END AS "deviation"
      FROM (
        SELECT
          "t10"."page",
          "t10"."date",
          "t10"."views",
          "t10"."day",
          "t10"."weekday",
          "t10"."level",
          CASE
            WHEN "t2"."reference" = 'window'
            THEN "t13"."median_after"
            ELSE "t10"."median"
          END AS "median",
          "t10"."recent_median",
          CASE
            WHEN "t2"."reference" = 'window'
            THEN COALESCE("t13"."listed_after", 0)
            ELSE "t10"."reference_listed"
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
            "t0"."page",
            "t0"."date",
            "t0"."views",
            "t0"."day",
            "t0"."weekday",
            "t0"."level",
            QUANTILE_CONT("t0"."level", 0.5) OVER (
              PARTITION BY "t0"."page"
              ORDER BY "t0"."day" ASC
              RANGE BETWEEN 28 preceding AND 1 preceding
            ) AS "median",
            QUANTILE_CONT("t0"."level", 0.5) OVER (
              PARTITION BY "t0"."page"
              ORDER BY "t0"."day" ASC
              RANGE BETWEEN 7 preceding AND 1 preceding
            ) AS "recent_median",
            CAST(COUNT("t0"."level") OVER (
              PARTITION BY "t0"."page"
              ORDER BY "t0"."day" ASC
              RANGE BETWEEN 28 preceding AND 1 preceding
            ) AS INT) AS "reference_listed"
          FROM "step_01_history" AS "t0"
        ) AS "t10"
        INNER JOIN "step_02_days" AS "t2"
          ON "t10"."day" = "t2"."day"
        LEFT OUTER JOIN (
          SELECT
            "t11"."page",
            "t11"."day",
            QUANTILE_CONT("t11"."later_level", 0.5) AS "median_after",
            CAST(COUNT(*) AS INT) AS "listed_after"
          FROM (
            SELECT
              "t5"."page",
              "t5"."day",
              "t8"."reference_first",
              "t8"."reference_last",
              "t6"."later_page",
              "t6"."later_day",
              "t6"."later_level"
            FROM (
              SELECT
                "t0"."page",
                "t0"."day"
              FROM "step_01_history" AS "t0"
            ) AS "t5"
            INNER JOIN (
              SELECT
                "t1"."day",
                "t1"."reference_first",
                "t1"."reference_last"
              FROM "step_02_days" AS "t1"
              WHERE
                "t1"."reference" = 'window'
            ) AS "t8"
              ON "t5"."day" = "t8"."day"
            INNER JOIN (
              SELECT
                "t0"."page" AS "later_page",
                "t0"."day" AS "later_day",
                "t0"."level" AS "later_level"
              FROM "step_01_history" AS "t0"
            ) AS "t6"
              ON "t5"."page" = "t6"."later_page"
              AND "t6"."later_day" >= "t8"."reference_first"
              AND "t6"."later_day" <= "t8"."reference_last"
          ) AS "t11"
          GROUP BY
            1,
            2
        ) AS "t13"
          ON "t10"."page" = "t13"."page" AND "t10"."day" = "t13"."day"
      ) AS "t14"
    ) AS "t15"
  ) AS "t16"
) AS "t17"
