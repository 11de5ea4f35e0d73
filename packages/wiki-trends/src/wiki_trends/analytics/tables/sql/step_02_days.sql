SELECT
  "t12"."day",
  "t12"."in_window",
  "t12"."place",
  "t12"."bound",
  CASE
    WHEN "t12"."in_window" AND (
      "t12"."days_before" = 0
    )
    THEN 'window'
    ELSE 'before'
  END AS "reference",
  CASE
    WHEN "t12"."in_window" AND (
      "t12"."days_before" = 0
    )
    THEN "t12"."day" + 1
    ELSE "t12"."day" - 28
  END AS "reference_first",
  CASE
    WHEN "t12"."in_window" AND (
      "t12"."days_before" = 0
    )
    THEN "t12"."day" + 28
    ELSE "t12"."day" - 1
  END AS "reference_last",
  CASE
    WHEN "t12"."in_window" AND (
      "t12"."days_before" = 0
    )
    THEN "t12"."days_after"
    ELSE "t12"."days_before"
  END AS "reference_days",
  CASE
    WHEN "t12"."in_window" AND (
      "t12"."days_before" = 0
    )
    THEN "t12"."bound_after"
    ELSE "t12"."bound_before"
  END AS "reference_bound"
FROM (
  SELECT
    "t11"."day",
    "t11"."in_window",
    "t11"."bound",
    (
      ROW_NUMBER() OVER (ORDER BY "t11"."day" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1
    ) + 1 AS "place",
    CAST(COUNT("t11"."day") OVER (ORDER BY "t11"."day" ASC RANGE BETWEEN 28 preceding AND 1 preceding) AS INT) AS "days_before",
    CAST(COUNT("t11"."day") OVER (ORDER BY "t11"."day" ASC RANGE BETWEEN 1 following AND 28 following) AS INT) AS "days_after",
    QUANTILE_CONT("t11"."bound", 0.5) OVER (ORDER BY "t11"."day" ASC RANGE BETWEEN 28 preceding AND 1 preceding) AS "bound_before",
    QUANTILE_CONT("t11"."bound", 0.5) OVER (ORDER BY "t11"."day" ASC RANGE BETWEEN 1 following AND 28 following) AS "bound_after"
  FROM (
    SELECT
      "t10"."day",
      "t10"."in_window",
      COALESCE("t9"."bound", 0) AS "bound"
    FROM (
      SELECT
        "t6"."in_window",
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t6"."date") AS "day"
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t0"."date",
            TRUE AS "in_window"
          FROM "window_days" AS "t0"
        ) AS "t3"
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            "t1"."date",
            FALSE AS "in_window"
          FROM "earlier_days" AS "t1"
        ) AS "t4"
      ) AS "t6"
    ) AS "t10"
    LEFT OUTER JOIN (
      SELECT
        "t5"."day",
        MIN("t5"."views") AS "bound"
      FROM (
        SELECT
          *
        FROM "step_01_history" AS "t2"
        WHERE
          "t2"."listed"
      ) AS "t5"
      GROUP BY
        1
    ) AS "t9"
      ON "t10"."day" = "t9"."day"
  ) AS "t11"
) AS "t12"
