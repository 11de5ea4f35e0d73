SELECT
  "t3".*
  EXCLUDE ("place_of_page")
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t1"."page",
      "t1"."date",
      "t1"."views",
      "t1"."day",
      "t1"."weekday",
      "t1"."level",
      "t1"."median",
      "t1"."recent_median",
      "t1"."reference_listed",
      "t1"."in_window",
      "t1"."bound",
      "t1"."place",
      "t1"."reference_days",
      "t1"."usual",
      "t1"."deviation",
      "t1"."weekday_days",
      "t1"."weekday_median",
      "t1"."weekday_effect",
      "t1"."expected",
      "t1"."surprise",
      ROW_NUMBER() OVER (
        PARTITION BY "t1"."page"
        ORDER BY "t1"."surprise" DESC, "t1"."day" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "place_of_page"
    FROM (
      SELECT
        *
      FROM "step_3_expected" AS "t0"
      WHERE
        "t0"."in_window" AND "t0"."reference_days" > 0
    ) AS "t1"
  ) AS "t2"
  WHERE
    "t2"."place_of_page" = 0
) AS "t3"
