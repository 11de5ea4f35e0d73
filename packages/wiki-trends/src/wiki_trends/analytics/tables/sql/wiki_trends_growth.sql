SELECT
  "t3"."page",
  "t3"."page_display",
  "t3"."category",
  "t3"."location",
  "t3"."first_date",
  "t3"."last_date",
  "t3"."first_views",
  "t3"."last_views",
  "t3"."last_views" - "t3"."first_views" AS "views_change",
  (
    CAST("t3"."last_views" - "t3"."first_views" AS DOUBLE) * 100
  ) / NULLIF("t3"."first_views", 0) AS "views_change_pct",
  "t3"."first_rank",
  "t3"."last_rank",
  CAST("t3"."first_rank" - "t3"."last_rank" AS INT) AS "rank_change",
  "t3"."avg_views",
  "t3"."max_views",
  "t3"."min_views",
  "t3"."max_views" - "t3"."min_views" AS "volatility",
  CAST("t3"."days_listed" AS INT) AS "days_tracked"
FROM (
  SELECT
    "t0"."page",
    FIRST("t0"."page_display" ORDER BY "t0"."date" DESC) AS "page_display",
    FIRST("t0"."category" ORDER BY "t0"."date" DESC) AS "category",
    FIRST("t0"."location" ORDER BY "t0"."date" DESC) AS "location",
    MIN("t0"."date") AS "first_date",
    MAX("t0"."date") AS "last_date",
    FIRST("t0"."views" ORDER BY "t0"."date") AS "first_views",
    FIRST("t0"."views" ORDER BY "t0"."date" DESC) AS "last_views",
    FIRST("t0"."rank" ORDER BY "t0"."date") AS "first_rank",
    FIRST("t0"."rank" ORDER BY "t0"."date" DESC) AS "last_rank",
    AVG("t0"."views") AS "avg_views",
    MAX("t0"."views") AS "max_views",
    MIN("t0"."views") AS "min_views",
    COUNT(*) AS "days_listed"
  FROM "window_rows" AS "t0"
  GROUP BY
    1
) AS "t3"
WHERE
  "t3"."days_listed" = (
    SELECT
      COUNT(*) AS "CountStar(window_days)"
    FROM "window_days" AS "t1"
  )
ORDER BY
  "t3"."last_views" - "t3"."first_views" DESC,
  "t3"."page" ASC
