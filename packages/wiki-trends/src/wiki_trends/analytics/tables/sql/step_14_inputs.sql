SELECT
  "t27"."page",
  "t27"."reference_history",
  "t27"."reference_bounded",
  "t27"."reference_missing",
  CAST("t27"."window_history" AS INT) AS "window_history",
  CAST("t27"."days_used" - "t27"."window_exact" AS INT) AS "window_bounded",
  CAST("t27"."recent_days" - "t27"."recent_exact" AS INT) AS "ewma_bounded"
FROM (
  SELECT
    "t26".*
    EXCLUDE ("page_other")
  FROM (
    SELECT
      "t23"."page",
      "t23"."window_exact",
      "t23"."window_history",
      "t23"."recent_exact",
      "t17"."days_used",
      "t17"."recent_days",
      "t25"."page" AS "page_other",
      "t25"."reference_history",
      "t25"."reference_bounded",
      "t25"."reference_missing"
    FROM (
      SELECT
        "t19"."page",
        SUM(CAST("t19"."in_window" AS INT)) AS "window_exact",
        SUM(CAST("t19"."in_window" AND NOT (
          "t19"."listed"
        ) AS INT)) AS "window_history",
        SUM(CAST("t19"."is_recent" AS INT)) AS "recent_exact"
      FROM (
        SELECT
          "t4"."page",
          "t4"."date",
          "t4"."views",
          "t4"."day",
          "t4"."weekday",
          "t4"."level",
          "t4"."listed",
          "t14"."in_window",
          "t14"."is_recent"
        FROM "step_01_history" AS "t4"
        INNER JOIN (
          SELECT
            "t1"."day",
            "t1"."in_window",
            "t1"."day" > (
              (
                SELECT
                  DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t3"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
                FROM "window_days" AS "t3"
              ) - 56
            ) AS "is_recent"
          FROM "step_02_days" AS "t1"
        ) AS "t14"
          ON "t4"."day" = "t14"."day"
      ) AS "t19"
      GROUP BY
        1
    ) AS "t23"
    CROSS JOIN (
      SELECT
        SUM(CAST("t12"."in_window" AS INT)) AS "days_used",
        SUM(CAST("t12"."is_recent" AS INT)) AS "recent_days"
      FROM (
        SELECT
          "t1"."day",
          "t1"."in_window",
          "t1"."place",
          "t1"."bound",
          "t1"."reference",
          "t1"."reference_first",
          "t1"."reference_last",
          "t1"."reference_days",
          "t1"."reference_bound",
          "t1"."day" > (
            (
              SELECT
                DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), MAX("t3"."date")) AS "DateDelta('day', Max(date), DateFromYMD(1970, 1, 1))"
              FROM "window_days" AS "t3"
            ) - 56
          ) AS "is_recent"
        FROM "step_02_days" AS "t1"
      ) AS "t12"
    ) AS "t17"
    LEFT OUTER JOIN (
      SELECT
        "t21"."page",
        COALESCE("t21"."count", 0) AS "reference_history",
        "t21"."reference_days" - "t21"."reference_listed" AS "reference_bounded",
        CAST(28 - "t21"."reference_days" AS INT) AS "reference_missing"
      FROM (
        SELECT
          "t20".*
          EXCLUDE ("page_other")
        FROM (
          SELECT
            "t9"."page",
            "t9"."reference_days",
            "t9"."reference_listed",
            "t18"."page" AS "page_other",
            "t18"."count"
          FROM (
            SELECT
              "t2"."page",
              "t2"."reference_days",
              "t2"."reference_listed"
            FROM "step_04_best" AS "t2"
          ) AS "t9"
          LEFT OUTER JOIN (
            SELECT
              "t11"."page",
              CAST(SUM(CAST(NOT (
                "t11"."past_listed"
              ) AS INT)) AS INT) AS "count"
            FROM (
              SELECT
                "t5"."page",
                "t5"."date",
                "t5"."views",
                "t5"."day",
                "t5"."weekday",
                "t5"."level",
                "t5"."listed",
                "t5"."median",
                "t5"."recent_median",
                "t5"."reference_listed",
                "t5"."in_window",
                "t5"."place",
                "t5"."bound",
                "t5"."reference",
                "t5"."reference_first",
                "t5"."reference_last",
                "t5"."reference_days",
                "t5"."reference_bound",
                "t5"."bound_views",
                "t5"."usual_source",
                "t5"."deviation",
                "t5"."usual",
                "t5"."weekday_days",
                "t5"."weekday_median",
                "t5"."weekday_effect",
                "t5"."expected",
                "t5"."surprise",
                "t5"."candidates",
                "t8"."past_page",
                "t8"."past_day",
                "t8"."past_listed"
              FROM "step_04_best" AS "t5"
              INNER JOIN (
                SELECT
                  "t0"."page" AS "past_page",
                  "t0"."day" AS "past_day",
                  "t0"."listed" AS "past_listed"
                FROM "step_01_history" AS "t0"
              ) AS "t8"
                ON "t5"."page" = "t8"."past_page"
                AND "t8"."past_day" >= "t5"."reference_first"
                AND "t8"."past_day" <= "t5"."reference_last"
            ) AS "t11"
            GROUP BY
              1
          ) AS "t18"
            ON "t9"."page" = "t18"."page"
        ) AS "t20"
      ) AS "t21"
    ) AS "t25"
      ON "t23"."page" = "t25"."page"
  ) AS "t26"
) AS "t27"
