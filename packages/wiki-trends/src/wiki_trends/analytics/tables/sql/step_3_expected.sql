SELECT
  "t7"."page",
  "t7"."date",
  "t7"."views",
  "t7"."day",
  "t7"."weekday",
  "t7"."level",
  "t7"."median",
  "t7"."recent_median",
  "t7"."reference_listed",
  "t7"."in_window",
  "t7"."bound",
  "t7"."place",
  "t7"."reference_days",
  "t7"."usual",
  "t7"."deviation",
  "t7"."weekday_days",
  "t7"."weekday_median",
  CASE
    WHEN "t7"."weekday_days" >= 3
    THEN "t7"."weekday_median"
    ELSE CAST(NULL AS DOUBLE)
  END AS "weekday_effect",
  "t7"."usual" + GREATEST(
    COALESCE(
      CASE
        WHEN "t7"."weekday_days" >= 3
        THEN "t7"."weekday_median"
        ELSE CAST(NULL AS DOUBLE)
      END,
      0.0
    ),
    0.0
  ) AS "expected",
  "t7"."level" - (
    "t7"."usual" + GREATEST(
      COALESCE(
        CASE
          WHEN "t7"."weekday_days" >= 3
          THEN "t7"."weekday_median"
          ELSE CAST(NULL AS DOUBLE)
        END,
        0.0
      ),
      0.0
    )
  ) AS "surprise"
FROM (
  SELECT
    "t6"."page",
    "t6"."date",
    "t6"."views",
    "t6"."day",
    "t6"."weekday",
    "t6"."level",
    "t6"."median",
    "t6"."recent_median",
    "t6"."reference_listed",
    "t6"."in_window",
    "t6"."bound",
    "t6"."place",
    "t6"."reference_days",
    "t6"."usual",
    "t6"."deviation",
    CAST(COUNT("t6"."deviation") OVER (
      PARTITION BY "t6"."page", "t6"."weekday"
      ORDER BY "t6"."day" ASC
      RANGE BETWEEN 56 preceding AND 1 preceding
    ) AS INT) AS "weekday_days",
    QUANTILE_CONT("t6"."deviation", 0.5) OVER (
      PARTITION BY "t6"."page", "t6"."weekday"
      ORDER BY "t6"."day" ASC
      RANGE BETWEEN 56 preceding AND 1 preceding
    ) AS "weekday_median"
  FROM (
    SELECT
      "t5"."page",
      "t5"."date",
      "t5"."views",
      "t5"."day",
      "t5"."weekday",
      "t5"."level",
      "t5"."median",
      "t5"."recent_median",
      "t5"."reference_listed",
      "t5"."in_window",
      "t5"."bound",
      "t5"."place",
      "t5"."reference_days",
      CASE
        WHEN (
          (
            "t5"."reference_listed" * 2
          ) >= "t5"."reference_days"
        )
        AND (
          "t5"."reference_listed" > 0
        )
        THEN GREATEST("t5"."median", COALESCE("t5"."recent_median", "t5"."median"))
        ELSE LN(CAST("t5"."bound" AS DOUBLE) + 1.0)
      END AS "usual",
      CASE
        WHEN (
          (
            "t5"."reference_listed" * 2
          ) >= "t5"."reference_days"
        )
        AND (
          "t5"."reference_listed" > 0
        )
        THEN "t5"."level" - "t5"."median"
        ELSE CAST(NULL AS DOUBLE)
      END AS "deviation"
    FROM (
      SELECT
        "t4"."page",
        "t4"."date",
        "t4"."views",
        "t4"."day",
        "t4"."weekday",
        "t4"."level",
        "t4"."median",
        "t4"."recent_median",
        "t4"."reference_listed",
        "t2"."in_window",
        "t2"."bound",
        "t2"."place",
        "t2"."reference_days"
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
        FROM "step_1_history" AS "t0"
      ) AS "t4"
      INNER JOIN "step_2_days" AS "t2"
        ON "t4"."day" = "t2"."day"
    ) AS "t5"
  ) AS "t6"
) AS "t7"
