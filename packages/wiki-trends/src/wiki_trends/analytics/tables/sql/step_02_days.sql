SELECT
  "t11"."day",
  "t11"."in_window",
  "t11"."place",
  "t11"."bound",
  CASE
    WHEN "t11"."in_window" AND (
      "t11"."days_before" = 0
    )
    THEN 'window'
    ELSE 'before'
  END AS "reference",
  CASE
    WHEN "t11"."in_window" AND (
      "t11"."days_before" = 0
    )
    THEN "t11"."day" + 1
    ELSE "t11"."day" - 28
  END AS "reference_first",
  CASE
    WHEN "t11"."in_window" AND (
      "t11"."days_before" = 0
    )
    THEN "t11"."day" + 28
    ELSE "t11"."day" - 1
  END AS "reference_last",
  CASE
    WHEN "t11"."in_window" AND (
      "t11"."days_before" = 0
    )
    THEN "t11"."days_after"
    ELSE "t11"."days_before"
  END AS "reference_days",
  CASE
    WHEN "t11"."in_window" AND (
      "t11"."days_before" = 0
    )
    THEN "t11"."bound_after"
    ELSE "t11"."bound_before"
  END AS "reference_bound"
FROM (
  SELECT
    "t10"."day",
    "t10"."in_window",
    "t10"."bound",
    (
      ROW_NUMBER() OVER (ORDER BY "t10"."day" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1
    ) + 1 AS "place",
    CAST(COUNT("t10"."day") OVER (ORDER BY "t10"."day" ASC RANGE BETWEEN 28 preceding AND 1 preceding) AS INT) AS "days_before",
    CAST(COUNT("t10"."day") OVER (ORDER BY "t10"."day" ASC RANGE BETWEEN 1 following AND 28 following) AS INT) AS "days_after",
    QUANTILE_CONT("t10"."bound", 0.5) OVER (ORDER BY "t10"."day" ASC RANGE BETWEEN 28 preceding AND 1 preceding) AS "bound_before",
    QUANTILE_CONT("t10"."bound", 0.5) OVER (ORDER BY "t10"."day" ASC RANGE BETWEEN 1 following AND 28 following) AS "bound_after"
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
      FROM "step_01_history" AS "t0"
      GROUP BY
        1
    ) AS "t7"
      ON "t9"."day" = "t7"."day"
  ) AS "t10"
) AS "t11"
