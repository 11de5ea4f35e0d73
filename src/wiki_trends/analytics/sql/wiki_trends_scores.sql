SELECT
  *
FROM (
  SELECT
    "t6"."dataset",
    "t6"."window_start",
    "t6"."window_end",
    "t7"."page",
    "t7"."page_display",
    "t7"."category",
    "t7"."location",
    "t7"."days_used",
    "t7"."days_listed",
    "t7"."baseline_days",
    "t7"."baseline_days_listed",
    "t7"."peak_date",
    "t7"."peak_views",
    "t7"."peak_rank",
    "t7"."best_rank",
    "t7"."views",
    "t7"."streak",
    "t7"."presence",
    "t8"."surprise_date",
    "t8"."surprise_views",
    "t8"."reference_days",
    "t8"."reference_listed",
    "t8"."median_level",
    "t8"."mad",
    "t8"."robust_z",
    "t8"."usual_views",
    "t8"."weekday_days",
    "t8"."weekday_effect",
    "t8"."expected_views",
    "t8"."surprise",
    "t8"."spread",
    "t8"."confidence",
    "t8"."score",
    "t8"."burst",
    "t8"."shape",
    "t9"."half_days",
    "t9"."first_half_views",
    "t9"."last_half_views",
    "t9"."wikitrends_score",
    "t10"."ewma_3",
    "t10"."ewma_14",
    "t10"."momentum",
    "t10"."momentum_label",
    "t11"."trend_days",
    "t11"."trend_pct_per_day",
    "t11"."trend_t"
  FROM "window_run" AS "t6"
  CROSS JOIN "step_5_listing" AS "t7"
  LEFT OUTER JOIN "step_6_surprise" AS "t8"
    ON "t7"."page" = "t8"."page"
  LEFT OUTER JOIN "step_7_halves" AS "t9"
    ON "t7"."page" = "t9"."page"
  LEFT OUTER JOIN "step_8_momentum" AS "t10"
    ON "t7"."page" = "t10"."page"
  LEFT OUTER JOIN "step_9_trend" AS "t11"
    ON "t7"."page" = "t11"."page"
) AS "t12"
ORDER BY
  "t12"."score" DESC,
  "t12"."wikitrends_score" DESC,
  "t12"."page" ASC
