SELECT
  "t22"."page",
  "t22"."date",
  "t22"."views",
  "t22"."day",
  "t22"."weekday",
  "t22"."level",
  CAST(CASE
    WHEN (
      "t22"."reference" = 'window'
    ) AND (
      "t22"."reference_days" < 14
    )
    THEN 0
    ELSE "t22"."reference_listed"
  END AS DOUBLE) AS "listed",
  "t22"."median",
  "t22"."recent_median",
  "t22"."reference_listed",
  "t22"."in_window",
  "t22"."place",
  "t22"."bound",
  "t22"."reference",
  "t22"."reference_first",
  "t22"."reference_last",
  "t22"."reference_days",
  "t22"."reference_bound",
  "t22"."bound_views",
  "t22"."usual_source",
  "t22"."deviation",
  "t22"."usual",
  "t22"."weekday_days",
  "t22"."weekday_median",
  "t22"."weekday_effect",
  "t22"."expected",
  "t22"."surprise",
  "t22"."candidates",
  "t22"."mad",
  "t22"."after",
  "t22"."mad" * 1.4826 AS "sigma",
  SQRT(
    (
      (
        CAST(CASE
          WHEN (
            "t22"."reference" = 'window'
          ) AND (
            "t22"."reference_days" < 14
          )
          THEN 0
          ELSE "t22"."reference_listed"
        END AS DOUBLE) * COALESCE("t22"."mad" * 1.4826 * (
          "t22"."mad" * 1.4826
        ), 0.0)
      ) + 0.56
    ) / (
      CAST(CASE
        WHEN (
          "t22"."reference" = 'window'
        ) AND (
          "t22"."reference_days" < 14
        )
        THEN 0
        ELSE "t22"."reference_listed"
      END AS DOUBLE) + 14
    )
  ) AS "spread",
  SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) - (
    (
      (
        SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) * (
          (
            SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) * 0.010328
          ) + 0.802853
        )
      ) + 2.515517
    ) / (
      (
        SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) * (
          (
            SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) * (
              (
                SQRT(LN(0.05 / CAST("t22"."candidates" AS DOUBLE)) * -2.0) * 0.001308
              ) + 0.189269
            )
          ) + 1.432788
        )
      ) + 1.0
    )
  ) AS "z"
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
      "t15"."listed",
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
      "t15"."usual",
      "t15"."weekday_days",
      "t15"."weekday_median",
      "t15"."weekday_effect",
      "t15"."expected",
      "t15"."surprise",
      "t15"."candidates",
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
          "t3"."listed",
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
          "t3"."bound_views",
          "t3"."usual_source",
          "t3"."deviation",
          "t3"."usual",
          "t3"."weekday_days",
          "t3"."weekday_median",
          "t3"."weekday_effect",
          "t3"."expected",
          "t3"."surprise",
          "t3"."candidates",
          "t12"."page" AS "page_other",
          "t12"."mad"
        FROM "step_04_best" AS "t3"
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
              "t3"."listed",
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
              "t3"."bound_views",
              "t3"."usual_source",
              "t3"."deviation",
              "t3"."usual",
              "t3"."weekday_days",
              "t3"."weekday_median",
              "t3"."weekday_effect",
              "t3"."expected",
              "t3"."surprise",
              "t3"."candidates",
              "t9"."past_page",
              "t9"."past_day",
              "t9"."past_level"
            FROM "step_04_best" AS "t3"
            INNER JOIN (
              SELECT
                "t2"."page" AS "past_page",
                "t2"."day" AS "past_day",
                "t2"."level" AS "past_level"
              FROM "step_01_history" AS "t2"
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
                "t3"."listed",
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
                "t3"."bound_views",
                "t3"."usual_source",
                "t3"."deviation",
                "t3"."usual",
                "t3"."weekday_days",
                "t3"."weekday_median",
                "t3"."weekday_effect",
                "t3"."expected",
                "t3"."surprise",
                "t3"."candidates",
                "t12"."page" AS "page_other",
                "t12"."mad"
              FROM "step_04_best" AS "t3"
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
                    "t3"."listed",
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
                    "t3"."bound_views",
                    "t3"."usual_source",
                    "t3"."deviation",
                    "t3"."usual",
                    "t3"."weekday_days",
                    "t3"."weekday_median",
                    "t3"."weekday_effect",
                    "t3"."expected",
                    "t3"."surprise",
                    "t3"."candidates",
                    "t9"."past_page",
                    "t9"."past_day",
                    "t9"."past_level"
                  FROM "step_04_best" AS "t3"
                  INNER JOIN (
                    SELECT
                      "t2"."page" AS "past_page",
                      "t2"."day" AS "past_day",
                      "t2"."level" AS "past_level"
                    FROM "step_01_history" AS "t2"
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
          FROM "step_02_days" AS "t1"
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
          FROM "step_01_history" AS "t2"
        ) AS "t8"
          ON "t17"."page" = "t8"."listed_page" AND "t7"."later_day" = "t8"."listed_day"
      ) AS "t18"
      GROUP BY
        1
    ) AS "t20"
      ON "t15"."page" = "t20"."page"
  ) AS "t21"
) AS "t22"
