SELECT
  "t4"."page",
  "t4"."date",
  "t4"."views",
  DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t4"."date") AS "day",
  CAST((
    DAYOFWEEK("t4"."date") + 6
  ) % 7 AS INT) AS "weekday",
  LN(CAST("t4"."views" AS DOUBLE) + 1.0) AS "level"
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t0"."page",
      "t0"."date",
      "t0"."views"
    FROM "window_rows" AS "t0"
  ) AS "t2"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t1"."page",
      "t1"."date",
      "t1"."views"
    FROM "earlier_rows" AS "t1"
  ) AS "t3"
) AS "t4"
