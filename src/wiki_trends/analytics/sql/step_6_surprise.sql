SELECT
  "t19"."page",
  "t19"."date" AS "surprise_date",
  "t19"."views" AS "surprise_views",
  "t19"."reference_days",
  "t19"."reference_listed",
  "t19"."median" AS "median_level",
  "t19"."mad",
  (
    "t19"."level" - "t19"."median"
  ) / NULLIF("t19"."mad" * 1.4826, 0.0) AS "robust_z",
  EXP("t19"."usual") - 1.0 AS "usual_views",
  "t19"."weekday_days",
  "t19"."weekday_effect",
  EXP("t19"."usual" + COALESCE("t19"."weekday_effect", 0.0)) - 1.0 AS "expected_views",
  "t19"."surprise",
  SQRT(
    (
      (
        CAST("t19"."reference_listed" AS DOUBLE) * COALESCE("t19"."mad" * 1.4826 * (
          "t19"."mad" * 1.4826
        ), 0.0)
      ) + 0.56
    ) / (
      CAST("t19"."reference_listed" AS DOUBLE) + 14
    )
  ) AS "spread",
  "t19"."reference_days" / 28.0 AS "confidence",
  (
    "t19"."surprise" / SQRT(
      (
        (
          CAST("t19"."reference_listed" AS DOUBLE) * COALESCE("t19"."mad" * 1.4826 * (
            "t19"."mad" * 1.4826
          ), 0.0)
        ) + 0.56
      ) / (
        CAST("t19"."reference_listed" AS DOUBLE) + 14
      )
    )
  ) * (
    "t19"."reference_days" / 28.0
  ) AS "score",
  (
    (
      "t19"."surprise" / SQRT(
        (
          (
            CAST("t19"."reference_listed" AS DOUBLE) * COALESCE("t19"."mad" * 1.4826 * (
              "t19"."mad" * 1.4826
            ), 0.0)
          ) + 0.56
        ) / (
          CAST("t19"."reference_listed" AS DOUBLE) + 14
        )
      )
    ) * (
      "t19"."reference_days" / 28.0
    )
  ) >= 5.0 AS "burst",
  CASE
    WHEN (
      (
        (
          "t19"."surprise" / SQRT(
            (
              (
                CAST("t19"."reference_listed" AS DOUBLE) * COALESCE("t19"."mad" * 1.4826 * (
                  "t19"."mad" * 1.4826
                ), 0.0)
              ) + 0.56
            ) / (
              CAST("t19"."reference_listed" AS DOUBLE) + 14
            )
          )
        ) * (
          "t19"."reference_days" / 28.0
        )
      ) >= 5.0
    )
    AND (
      (
        (
          "t19"."after" - "t19"."usual"
        ) / (
          "t19"."level" - "t19"."usual"
        )
      ) >= 0.5
    )
    THEN 'plateau'
    WHEN (
      (
        (
          "t19"."surprise" / SQRT(
            (
              (
                CAST("t19"."reference_listed" AS DOUBLE) * COALESCE("t19"."mad" * 1.4826 * (
                  "t19"."mad" * 1.4826
                ), 0.0)
              ) + 0.56
            ) / (
              CAST("t19"."reference_listed" AS DOUBLE) + 14
            )
          )
        ) * (
          "t19"."reference_days" / 28.0
        )
      ) >= 5.0
    )
    AND (
      (
        (
          "t19"."after" - "t19"."usual"
        ) / (
          "t19"."level" - "t19"."usual"
        )
      ) IS NOT NULL
    )
    THEN 'spike'
    ELSE CAST(NULL AS TEXT)
  END AS "shape"
FROM (
  SELECT
    "t18"."page",
    "t3"."date",
    "t3"."views",
    "t3"."day",
    "t3"."weekday",
    "t3"."level",
    "t3"."median",
    "t3"."recent_median",
    "t3"."reference_listed",
    "t3"."in_window",
    "t3"."bound",
    "t3"."place",
    "t3"."reference_days",
    "t3"."usual",
    "t3"."deviation",
    "t3"."weekday_days",
    "t3"."weekday_median",
    "t3"."weekday_effect",
    "t3"."surprise",
    "t12"."mad",
    "t18"."after"
  FROM "step_4_best" AS "t3"
  LEFT OUTER JOIN (
    SELECT
      "t10"."page",
      QUANTILE_CONT(ABS("t10"."past_level" - "t10"."median"), 0.5) AS "mad"
    FROM (
      SELECT
        "t3"."page",
        "t3"."date",
        "t3"."views",
        "t3"."day",
        "t3"."weekday",
        "t3"."level",
        "t3"."median",
        "t3"."recent_median",
        "t3"."reference_listed",
        "t3"."in_window",
        "t3"."bound",
        "t3"."place",
        "t3"."reference_days",
        "t3"."usual",
        "t3"."deviation",
        "t3"."weekday_days",
        "t3"."weekday_median",
        "t3"."weekday_effect",
        "t3"."surprise",
        "t7"."past_page",
        "t7"."past_day",
        "t7"."past_level"
      FROM "step_4_best" AS "t3"
      INNER JOIN (
        SELECT
          "t1"."page" AS "past_page",
          "t1"."day" AS "past_day",
          "t1"."level" AS "past_level"
        FROM "step_1_history" AS "t1"
      ) AS "t7"
        ON "t3"."page" = "t7"."past_page"
        AND "t7"."past_day" < "t3"."day"
        AND "t7"."past_day" >= (
          "t3"."day" - 28
        )
    ) AS "t10"
    GROUP BY
      1
  ) AS "t12"
    ON "t3"."page" = "t12"."page"
  LEFT OUTER JOIN (
    SELECT
      "t16"."page",
      QUANTILE_CONT(COALESCE("t16"."listed_level", LN(CAST("t16"."later_bound" AS DOUBLE) + 1.0)), 0.5) AS "after"
    FROM (
      SELECT
        "t15"."page",
        "t15"."day",
        "t9"."later_day",
        "t9"."later_bound",
        "t8"."listed_page",
        "t8"."listed_day",
        "t8"."listed_level"
      FROM (
        SELECT
          "t13"."page",
          "t13"."day"
        FROM (
          SELECT
            "t3"."page",
            "t3"."date",
            "t3"."views",
            "t3"."day",
            "t3"."weekday",
            "t3"."level",
            "t3"."median",
            "t3"."recent_median",
            "t3"."reference_listed",
            "t3"."in_window",
            "t3"."bound",
            "t3"."place",
            "t3"."reference_days",
            "t3"."usual",
            "t3"."deviation",
            "t3"."weekday_days",
            "t3"."weekday_median",
            "t3"."weekday_effect",
            "t3"."surprise",
            "t12"."mad"
          FROM "step_4_best" AS "t3"
          LEFT OUTER JOIN (
            SELECT
              "t10"."page",
              QUANTILE_CONT(ABS("t10"."past_level" - "t10"."median"), 0.5) AS "mad"
            FROM (
              SELECT
                "t3"."page",
                "t3"."date",
                "t3"."views",
                "t3"."day",
                "t3"."weekday",
                "t3"."level",
                "t3"."median",
                "t3"."recent_median",
                "t3"."reference_listed",
                "t3"."in_window",
                "t3"."bound",
                "t3"."place",
                "t3"."reference_days",
                "t3"."usual",
                "t3"."deviation",
                "t3"."weekday_days",
                "t3"."weekday_median",
                "t3"."weekday_effect",
                "t3"."surprise",
                "t7"."past_page",
                "t7"."past_day",
                "t7"."past_level"
              FROM "step_4_best" AS "t3"
              INNER JOIN (
                SELECT
                  "t1"."page" AS "past_page",
                  "t1"."day" AS "past_day",
                  "t1"."level" AS "past_level"
                FROM "step_1_history" AS "t1"
              ) AS "t7"
                ON "t3"."page" = "t7"."past_page"
                AND "t7"."past_day" < "t3"."day"
                AND "t7"."past_day" >= (
                  "t3"."day" - 28
                )
            ) AS "t10"
            GROUP BY
              1
          ) AS "t12"
            ON "t3"."page" = "t12"."page"
        ) AS "t13"
      ) AS "t15"
      INNER JOIN (
        SELECT
          "t2"."day" AS "later_day",
          "t2"."bound" AS "later_bound"
        FROM "step_2_days" AS "t2"
        WHERE
          "t2"."in_window"
      ) AS "t9"
        ON "t9"."later_day" > "t15"."day" AND "t9"."later_day" <= (
          "t15"."day" + 3
        )
      LEFT OUTER JOIN (
        SELECT
          "t1"."page" AS "listed_page",
          "t1"."day" AS "listed_day",
          "t1"."level" AS "listed_level"
        FROM "step_1_history" AS "t1"
      ) AS "t8"
        ON "t15"."page" = "t8"."listed_page" AND "t9"."later_day" = "t8"."listed_day"
    ) AS "t16"
    GROUP BY
      1
  ) AS "t18"
    ON "t3"."page" = "t18"."page"
) AS "t19"
