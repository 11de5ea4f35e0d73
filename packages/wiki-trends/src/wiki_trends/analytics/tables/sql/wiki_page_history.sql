SELECT
  *
FROM (
  SELECT
    "t2"."page",
    "t2"."date",
    "t2"."views",
    "t2"."requested_for"
  FROM "page_history" AS "t2"
  SEMI JOIN "window_rows" AS "t3"
    ON "t2"."page" = "t3"."page"
) AS "t4"
ORDER BY
  "t4"."date" ASC,
  "t4"."page" ASC
