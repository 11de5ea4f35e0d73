SELECT
  "t22"."page",
  "t22"."date" AS "surprise_date",
  "t22"."views" AS "surprise_views",
  "t22"."reference_days",
  "t22"."reference_listed",
  "t22"."median" AS "median_level",
  "t22"."mad",
  (
    "t22"."level" - "t22"."median"
  ) / NULLIF("t22"."mad" * 1.4826, 0.0) AS "robust_z",
  EXP("t22"."usual") - 1.0 AS "usual_views",
  "t22"."weekday_days",
  "t22"."weekday_effect",
  EXP("t22"."expected") - 1.0 AS "expected_views",
  "t22"."surprise",
  SQRT(
    (
      (
        CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
          "t22"."mad" * 1.4826
        ), 0.0)
      ) + 0.56
    ) / (
      CAST("t22"."reference_listed" AS DOUBLE) + 14
    )
  ) AS "spread",
  CAST("t22"."reference_days" AS DOUBLE) / 28.0 AS "confidence",
  (
    "t22"."surprise" / SQRT(
      (
        (
          CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
            "t22"."mad" * 1.4826
          ), 0.0)
        ) + 0.56
      ) / (
        CAST("t22"."reference_listed" AS DOUBLE) + 14
      )
    )
  ) * (
    CAST("t22"."reference_days" AS DOUBLE) / 28.0
  ) AS "score",
  CASE
    WHEN "t22"."reference_days" >= 14
    THEN CAST(ROUND(
      "t22"."surprise" / SQRT(
        (
          (
            SQRT(
              (
                (
                  CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                    "t22"."mad" * 1.4826
                  ), 0.0)
                ) + 0.56
              ) / (
                CAST("t22"."reference_listed" AS DOUBLE) + 14
              )
            ) * SQRT(
              (
                (
                  CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                    "t22"."mad" * 1.4826
                  ), 0.0)
                ) + 0.56
              ) / (
                CAST("t22"."reference_listed" AS DOUBLE) + 14
              )
            )
          ) + EXP(-(
            "t22"."expected"
          ))
        ) * (
          (
            1.5707963267948966 / CAST(CASE
              WHEN (
                (
                  "t22"."reference_listed" * 2
                ) >= "t22"."reference_days"
              )
              AND (
                "t22"."reference_listed" > 0
              )
              THEN "t22"."reference_listed"
              ELSE "t22"."reference_days"
            END AS DOUBLE)
          ) + 1.0
        )
      ),
      9
    ) AS DOUBLE) >= 5.0
    ELSE CAST(NULL AS BOOLEAN)
  END AS "burst",
  CASE
    WHEN CASE
      WHEN "t22"."reference_days" >= 14
      THEN CAST(ROUND(
        "t22"."surprise" / SQRT(
          (
            (
              SQRT(
                (
                  (
                    CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                      "t22"."mad" * 1.4826
                    ), 0.0)
                  ) + 0.56
                ) / (
                  CAST("t22"."reference_listed" AS DOUBLE) + 14
                )
              ) * SQRT(
                (
                  (
                    CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                      "t22"."mad" * 1.4826
                    ), 0.0)
                  ) + 0.56
                ) / (
                  CAST("t22"."reference_listed" AS DOUBLE) + 14
                )
              )
            ) + EXP(-(
              "t22"."expected"
            ))
          ) * (
            (
              1.5707963267948966 / CAST(CASE
                WHEN (
                  (
                    "t22"."reference_listed" * 2
                  ) >= "t22"."reference_days"
                )
                AND (
                  "t22"."reference_listed" > 0
                )
                THEN "t22"."reference_listed"
                ELSE "t22"."reference_days"
              END AS DOUBLE)
            ) + 1.0
          )
        ),
        9
      ) AS DOUBLE) >= 5.0
      ELSE CAST(NULL AS BOOLEAN)
    END
    AND (
      CAST(ROUND(
        (
          "t22"."after" - "t22"."usual"
        ) / NULLIF("t22"."level" - "t22"."usual", 0.0),
        9
      ) AS DOUBLE) >= 0.5
    )
    THEN 'plateau'
    WHEN CASE
      WHEN "t22"."reference_days" >= 14
      THEN CAST(ROUND(
        "t22"."surprise" / SQRT(
          (
            (
              SQRT(
                (
                  (
                    CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                      "t22"."mad" * 1.4826
                    ), 0.0)
                  ) + 0.56
                ) / (
                  CAST("t22"."reference_listed" AS DOUBLE) + 14
                )
              ) * SQRT(
                (
                  (
                    CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                      "t22"."mad" * 1.4826
                    ), 0.0)
                  ) + 0.56
                ) / (
                  CAST("t22"."reference_listed" AS DOUBLE) + 14
                )
              )
            ) + EXP(-(
              "t22"."expected"
            ))
          ) * (
            (
              1.5707963267948966 / CAST(CASE
                WHEN (
                  (
                    "t22"."reference_listed" * 2
                  ) >= "t22"."reference_days"
                )
                AND (
                  "t22"."reference_listed" > 0
                )
                THEN "t22"."reference_listed"
                ELSE "t22"."reference_days"
              END AS DOUBLE)
            ) + 1.0
          )
        ),
        9
      ) AS DOUBLE) >= 5.0
      ELSE CAST(NULL AS BOOLEAN)
    END
    AND (
      (
        (
          "t22"."after" - "t22"."usual"
        ) / NULLIF("t22"."level" - "t22"."usual", 0.0)
      ) IS NOT NULL
    )
    THEN 'spike'
    ELSE CAST(NULL AS TEXT)
  END AS "shape",
  "t22"."reference",
  SQRT(
    (
      (
        SQRT(
          (
            (
              CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                "t22"."mad" * 1.4826
              ), 0.0)
            ) + 0.56
          ) / (
            CAST("t22"."reference_listed" AS DOUBLE) + 14
          )
        ) * SQRT(
          (
            (
              CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                "t22"."mad" * 1.4826
              ), 0.0)
            ) + 0.56
          ) / (
            CAST("t22"."reference_listed" AS DOUBLE) + 14
          )
        )
      ) + EXP(-(
        "t22"."expected"
      ))
    ) * (
      (
        1.5707963267948966 / CAST(CASE
          WHEN (
            (
              "t22"."reference_listed" * 2
            ) >= "t22"."reference_days"
          )
          AND (
            "t22"."reference_listed" > 0
          )
          THEN "t22"."reference_listed"
          ELSE "t22"."reference_days"
        END AS DOUBLE)
      ) + 1.0
    )
  ) AS "se",
  "t22"."surprise" / SQRT(
    (
      (
        SQRT(
          (
            (
              CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                "t22"."mad" * 1.4826
              ), 0.0)
            ) + 0.56
          ) / (
            CAST("t22"."reference_listed" AS DOUBLE) + 14
          )
        ) * SQRT(
          (
            (
              CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                "t22"."mad" * 1.4826
              ), 0.0)
            ) + 0.56
          ) / (
            CAST("t22"."reference_listed" AS DOUBLE) + 14
          )
        )
      ) + EXP(-(
        "t22"."expected"
      ))
    ) * (
      (
        1.5707963267948966 / CAST(CASE
          WHEN (
            (
              "t22"."reference_listed" * 2
            ) >= "t22"."reference_days"
          )
          AND (
            "t22"."reference_listed" > 0
          )
          THEN "t22"."reference_listed"
          ELSE "t22"."reference_days"
        END AS DOUBLE)
      ) + 1.0
    )
  ) AS "evidence",
  EXP(
    "t22"."surprise" - (
      (
        SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) - (
          (
            (
              SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) * (
                (
                  SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) * 0.010328
                ) + 0.802853
              )
            ) + 2.515517
          ) / (
            (
              SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) * (
                (
                  SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) * (
                    (
                      SQRT(LN(0.05 / CAST("t22"."window_days" AS DOUBLE)) * -2.0) * 0.001308
                    ) + 0.189269
                  )
                ) + 1.432788
              )
            ) + 1.0
          )
        )
      ) * SQRT(
        (
          (
            SQRT(
              (
                (
                  CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                    "t22"."mad" * 1.4826
                  ), 0.0)
                ) + 0.56
              ) / (
                CAST("t22"."reference_listed" AS DOUBLE) + 14
              )
            ) * SQRT(
              (
                (
                  CAST("t22"."reference_listed" AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
                    "t22"."mad" * 1.4826
                  ), 0.0)
                ) + 0.56
              ) / (
                CAST("t22"."reference_listed" AS DOUBLE) + 14
              )
            )
          ) + EXP(-(
            "t22"."expected"
          ))
        ) * (
          (
            1.5707963267948966 / CAST(CASE
              WHEN (
                (
                  "t22"."reference_listed" * 2
                ) >= "t22"."reference_days"
              )
              AND (
                "t22"."reference_listed" > 0
              )
              THEN "t22"."reference_listed"
              ELSE "t22"."reference_days"
            END AS DOUBLE)
          ) + 1.0
        )
      )
    )
  ) AS "at_least"
FROM (
  SELECT
    "t21".*
    EXCLUDE ("page_other")
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
      "t15"."usual",
      "t15"."deviation",
      "t15"."weekday_days",
      "t15"."weekday_median",
      "t15"."weekday_effect",
      "t15"."expected",
      "t15"."surprise",
      "t15"."window_days",
      "t15"."mad",
      "t20"."page" AS "page_other",
      "t20"."after"
    FROM (
      SELECT
        "t13".*
        EXCLUDE ("page_other")
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
          "t3"."place",
          "t3"."bound",
          "t3"."reference",
          "t3"."reference_first",
          "t3"."reference_last",
          "t3"."reference_days",
          "t3"."reference_bound",
          "t3"."usual",
          "t3"."deviation",
          "t3"."weekday_days",
          "t3"."weekday_median",
          "t3"."weekday_effect",
          "t3"."expected",
          "t3"."surprise",
          "t3"."window_days",
          "t12"."page" AS "page_other",
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
              "t3"."place",
              "t3"."bound",
              "t3"."reference",
              "t3"."reference_first",
              "t3"."reference_last",
              "t3"."reference_days",
              "t3"."reference_bound",
              "t3"."usual",
              "t3"."deviation",
              "t3"."weekday_days",
              "t3"."weekday_median",
              "t3"."weekday_effect",
              "t3"."expected",
              "t3"."surprise",
              "t3"."window_days",
              "t9"."past_page",
              "t9"."past_day",
              "t9"."past_level"
            FROM "step_4_best" AS "t3"
            INNER JOIN (
              SELECT
                "t2"."page" AS "past_page",
                "t2"."day" AS "past_day",
                "t2"."level" AS "past_level"
              FROM "step_1_history" AS "t2"
            ) AS "t9"
              ON "t3"."page" = "t9"."past_page"
              AND "t9"."past_day" >= "t3"."reference_first"
              AND "t9"."past_day" <= "t3"."reference_last"
          ) AS "t10"
          GROUP BY
            1
        ) AS "t12"
          ON "t3"."page" = "t12"."page"
      ) AS "t13"
    ) AS "t15"
    LEFT OUTER JOIN (
      SELECT
        "t18"."page",
        QUANTILE_CONT(COALESCE("t18"."listed_level", LN(CAST("t18"."later_bound" AS DOUBLE) + 1.0)), 0.5) AS "after"
      FROM (
        SELECT
          "t17"."page",
          "t17"."day",
          "t7"."later_day",
          "t7"."later_bound",
          "t8"."listed_page",
          "t8"."listed_day",
          "t8"."listed_level"
        FROM (
          SELECT
            "t14"."page",
            "t14"."day"
          FROM (
            SELECT
              "t13".*
              EXCLUDE ("page_other")
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
                "t3"."place",
                "t3"."bound",
                "t3"."reference",
                "t3"."reference_first",
                "t3"."reference_last",
                "t3"."reference_days",
                "t3"."reference_bound",
                "t3"."usual",
                "t3"."deviation",
                "t3"."weekday_days",
                "t3"."weekday_median",
                "t3"."weekday_effect",
                "t3"."expected",
                "t3"."surprise",
                "t3"."window_days",
                "t12"."page" AS "page_other",
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
                    "t3"."place",
                    "t3"."bound",
                    "t3"."reference",
                    "t3"."reference_first",
                    "t3"."reference_last",
                    "t3"."reference_days",
                    "t3"."reference_bound",
                    "t3"."usual",
                    "t3"."deviation",
                    "t3"."weekday_days",
                    "t3"."weekday_median",
                    "t3"."weekday_effect",
                    "t3"."expected",
                    "t3"."surprise",
                    "t3"."window_days",
                    "t9"."past_page",
                    "t9"."past_day",
                    "t9"."past_level"
                  FROM "step_4_best" AS "t3"
                  INNER JOIN (
                    SELECT
                      "t2"."page" AS "past_page",
                      "t2"."day" AS "past_day",
                      "t2"."level" AS "past_level"
                    FROM "step_1_history" AS "t2"
                  ) AS "t9"
                    ON "t3"."page" = "t9"."past_page"
                    AND "t9"."past_day" >= "t3"."reference_first"
                    AND "t9"."past_day" <= "t3"."reference_last"
                ) AS "t10"
                GROUP BY
                  1
              ) AS "t12"
                ON "t3"."page" = "t12"."page"
            ) AS "t13"
          ) AS "t14"
        ) AS "t17"
        INNER JOIN (
          SELECT
            "t1"."day" AS "later_day",
            "t1"."bound" AS "later_bound"
          FROM "step_2_days" AS "t1"
          WHERE
            "t1"."in_window"
        ) AS "t7"
          ON "t7"."later_day" > "t17"."day" AND "t7"."later_day" <= (
            "t17"."day" + 3
          )
        LEFT OUTER JOIN (
          SELECT
            "t2"."page" AS "listed_page",
            "t2"."day" AS "listed_day",
            "t2"."level" AS "listed_level"
          FROM "step_1_history" AS "t2"
        ) AS "t8"
          ON "t17"."page" = "t8"."listed_page" AND "t7"."later_day" = "t8"."listed_day"
      ) AS "t18"
      GROUP BY
        1
    ) AS "t20"
      ON "t15"."page" = "t20"."page"
  ) AS "t21"
) AS "t22"
