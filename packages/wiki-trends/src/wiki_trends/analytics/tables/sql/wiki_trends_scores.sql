SELECT
  *
FROM (
  SELECT
    "t21".*
    EXCLUDE ("page_other")
  FROM (
    SELECT
      "t20"."dataset",
      "t20"."window_start",
      "t20"."window_end",
      "t20"."page",
      "t20"."page_display",
      "t20"."category",
      "t20"."location",
      "t20"."days_used",
      "t20"."days_listed",
      "t20"."baseline_days",
      "t20"."baseline_days_listed",
      "t20"."peak_date",
      "t20"."peak_views",
      "t20"."peak_rank",
      "t20"."best_rank",
      "t20"."views",
      "t20"."streak",
      "t20"."presence",
      "t20"."surprise_date",
      "t20"."surprise_views",
      "t20"."reference_days",
      "t20"."reference_listed",
      "t20"."median_level",
      "t20"."mad",
      "t20"."robust_z",
      "t20"."usual_views",
      "t20"."weekday_days",
      "t20"."weekday_effect",
      "t20"."expected_views",
      "t20"."surprise",
      "t20"."spread",
      "t20"."confidence",
      "t20"."score",
      "t20"."burst",
      "t20"."shape",
      "t20"."half_days",
      "t20"."first_half_views",
      "t20"."last_half_views",
      "t20"."wikitrends_score",
      "t20"."ewma_3",
      "t20"."ewma_14",
      "t20"."momentum",
      "t20"."momentum_label",
      "t6"."page" AS "page_other",
      "t6"."trend_days",
      "t6"."trend_pct_per_day",
      "t6"."trend_t"
    FROM (
      SELECT
        "t18".*
        EXCLUDE ("page_other")
      FROM (
        SELECT
          "t17"."dataset",
          "t17"."window_start",
          "t17"."window_end",
          "t17"."page",
          "t17"."page_display",
          "t17"."category",
          "t17"."location",
          "t17"."days_used",
          "t17"."days_listed",
          "t17"."baseline_days",
          "t17"."baseline_days_listed",
          "t17"."peak_date",
          "t17"."peak_views",
          "t17"."peak_rank",
          "t17"."best_rank",
          "t17"."views",
          "t17"."streak",
          "t17"."presence",
          "t17"."surprise_date",
          "t17"."surprise_views",
          "t17"."reference_days",
          "t17"."reference_listed",
          "t17"."median_level",
          "t17"."mad",
          "t17"."robust_z",
          "t17"."usual_views",
          "t17"."weekday_days",
          "t17"."weekday_effect",
          "t17"."expected_views",
          "t17"."surprise",
          "t17"."spread",
          "t17"."confidence",
          "t17"."score",
          "t17"."burst",
          "t17"."shape",
          "t17"."half_days",
          "t17"."first_half_views",
          "t17"."last_half_views",
          "t17"."wikitrends_score",
          "t7"."page" AS "page_other",
          "t7"."ewma_3",
          "t7"."ewma_14",
          "t7"."momentum",
          "t7"."momentum_label"
        FROM (
          SELECT
            "t15".*
            EXCLUDE ("page_other")
          FROM (
            SELECT
              "t14"."dataset",
              "t14"."window_start",
              "t14"."window_end",
              "t14"."page",
              "t14"."page_display",
              "t14"."category",
              "t14"."location",
              "t14"."days_used",
              "t14"."days_listed",
              "t14"."baseline_days",
              "t14"."baseline_days_listed",
              "t14"."peak_date",
              "t14"."peak_views",
              "t14"."peak_rank",
              "t14"."best_rank",
              "t14"."views",
              "t14"."streak",
              "t14"."presence",
              "t14"."surprise_date",
              "t14"."surprise_views",
              "t14"."reference_days",
              "t14"."reference_listed",
              "t14"."median_level",
              "t14"."mad",
              "t14"."robust_z",
              "t14"."usual_views",
              "t14"."weekday_days",
              "t14"."weekday_effect",
              "t14"."expected_views",
              "t14"."surprise",
              "t14"."spread",
              "t14"."confidence",
              "t14"."score",
              "t14"."burst",
              "t14"."shape",
              "t8"."page" AS "page_other",
              "t8"."half_days",
              "t8"."first_half_views",
              "t8"."last_half_views",
              "t8"."wikitrends_score"
            FROM (
              SELECT
                "t12".*
                EXCLUDE ("page_other")
              FROM (
                SELECT
                  "t9"."dataset",
                  "t9"."window_start",
                  "t9"."window_end",
                  "t10"."page",
                  "t10"."page_display",
                  "t10"."category",
                  "t10"."location",
                  "t10"."days_used",
                  "t10"."days_listed",
                  "t10"."baseline_days",
                  "t10"."baseline_days_listed",
                  "t10"."peak_date",
                  "t10"."peak_views",
                  "t10"."peak_rank",
                  "t10"."best_rank",
                  "t10"."views",
                  "t10"."streak",
                  "t10"."presence",
                  "t11"."page" AS "page_other",
                  "t11"."surprise_date",
                  "t11"."surprise_views",
                  "t11"."reference_days",
                  "t11"."reference_listed",
                  "t11"."median_level",
                  "t11"."mad",
                  "t11"."robust_z",
                  "t11"."usual_views",
                  "t11"."weekday_days",
                  "t11"."weekday_effect",
                  "t11"."expected_views",
                  "t11"."surprise",
                  "t11"."spread",
                  "t11"."confidence",
                  "t11"."score",
                  "t11"."burst",
                  "t11"."shape"
                FROM "window_run" AS "t9"
                CROSS JOIN "step_5_listing" AS "t10"
                LEFT OUTER JOIN "step_6_surprise" AS "t11"
                  ON "t10"."page" = "t11"."page"
              ) AS "t12"
            ) AS "t14"
            LEFT OUTER JOIN "step_7_halves" AS "t8"
              ON "t14"."page" = "t8"."page"
          ) AS "t15"
        ) AS "t17"
        LEFT OUTER JOIN "step_8_momentum" AS "t7"
          ON "t17"."page" = "t7"."page"
      ) AS "t18"
    ) AS "t20"
    LEFT OUTER JOIN "step_9_trend" AS "t6"
      ON "t20"."page" = "t6"."page"
  ) AS "t21"
) AS "t22"
ORDER BY
  "t22"."score" DESC,
  "t22"."wikitrends_score" DESC,
  "t22"."page" ASC
