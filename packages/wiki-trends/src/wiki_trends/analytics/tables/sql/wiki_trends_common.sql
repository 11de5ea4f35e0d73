SELECT
  *
FROM (
  SELECT
    "t2"."page",
    "t2"."page_display",
    "t2"."date",
    "t2"."views",
    "t2"."rank",
    "t2"."category",
    "t2"."location"
  FROM "window_rows" AS "t2"
  SEMI JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t0"."page",
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
  ) AS "t6"
    ON "t2"."page" = "t6"."page"
) AS "t7"
ORDER BY
  "t7"."date" ASC,
  "t7"."rank" ASC,
  "t7"."page" ASC
