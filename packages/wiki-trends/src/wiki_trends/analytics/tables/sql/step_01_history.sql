WITH "t7" AS (
  SELECT
    *
  FROM (
    SELECT
      "t1"."page",
      "t1"."date",
      "t1"."views"
    FROM "window_rows" AS "t1"
  ) AS "t5"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t2"."page",
      "t2"."date",
      "t2"."views"
    FROM "earlier_rows" AS "t2"
  ) AS "t6"
)
SELECT
  *
FROM (
  SELECT
    "t8"."page",
    "t8"."date",
    "t8"."views",
    DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t8"."date") AS "day",
    CAST((
      DAYOFWEEK("t8"."date") + 6
    ) % 7 AS INT) AS "weekday",
    LN(CAST("t8"."views" AS DOUBLE) + 1.0) AS "level",
    TRUE AS "listed"
  FROM "t7" AS "t8"
) AS "t9"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t12"."page",
    "t12"."date",
    "t12"."views",
    DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t12"."date") AS "day",
    CAST((
      DAYOFWEEK("t12"."date") + 6
    ) % 7 AS INT) AS "weekday",
    LN(CAST("t12"."views" AS DOUBLE) + 1.0) AS "level",
    FALSE AS "listed"
  FROM (
    SELECT
      "t3"."page",
      "t3"."date",
      "t3"."views"
    FROM "page_history" AS "t3"
    SEMI JOIN "window_rows" AS "t4"
      ON "t3"."page" = "t4"."page"
    ANTI JOIN (
      SELECT
        "t8"."page",
        "t8"."date",
        "t8"."views",
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t8"."date") AS "day",
        CAST((
          DAYOFWEEK("t8"."date") + 6
        ) % 7 AS INT) AS "weekday",
        LN(CAST("t8"."views" AS DOUBLE) + 1.0) AS "level"
      FROM "t7" AS "t8"
    ) AS "t11"
      ON "t3"."page" = "t11"."page" AND "t3"."date" = "t11"."date"
  ) AS "t12"
) AS "t13"
