SELECT
  "t10"."day",
  "t10"."in_window",
  "t10"."bound",
  (
    ROW_NUMBER() OVER (ORDER BY "t10"."day" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1
  ) + 1 AS "place",
  CAST(COUNT("t10"."day") OVER (ORDER BY "t10"."day" ASC RANGE BETWEEN 28 preceding AND 1 preceding) AS INT) AS "reference_days"
FROM (
  SELECT
    "t9"."day",
    "t9"."in_window",
    COALESCE("t7"."bound", 0) AS "bound"
  FROM (
    SELECT
      "t6"."in_window",
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t6"."date") AS "day"
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t1"."date",
          TRUE AS "in_window"
        FROM "window_days" AS "t1"
      ) AS "t3"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t2"."date",
          FALSE AS "in_window"
        FROM "earlier_days" AS "t2"
      ) AS "t4"
    ) AS "t6"
  ) AS "t9"
  LEFT OUTER JOIN (
    SELECT
      "t0"."day",
      MIN("t0"."views") AS "bound"
    FROM "step_1_history" AS "t0"
    GROUP BY
      1
  ) AS "t7"
    ON "t9"."day" = "t7"."day"
) AS "t10"
