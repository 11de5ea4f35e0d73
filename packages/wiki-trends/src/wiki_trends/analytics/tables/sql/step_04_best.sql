SELECT
  "t5".*
  EXCLUDE ("place_of_page")
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t3"."page",
      "t3"."date",
      "t3"."views",
      "t3"."day",
      "t3"."weekday",
      "t3"."level",
      "t3"."listed",
      "t3"."median",
      "t3"."recent_median",
      "t3"."reference_listed",
      "t3"."in_window",
      "t3"."place",
      "t3"."bound",
      "t3"."reference",
      "t3"."reference_first",
      "t3"."reference_last",
      "t3"."reference_days",
      "t3"."reference_bound",
      "t3"."bound_views",
      "t3"."usual_source",
      "t3"."deviation",
      "t3"."usual",
      "t3"."weekday_days",
      "t3"."weekday_median",
      "t3"."weekday_effect",
      "t3"."expected",
      "t3"."surprise",
      "t3"."candidates",
      ROW_NUMBER() OVER (
        PARTITION BY "t3"."page"
        ORDER BY "t3"."surprise" DESC, "t3"."day" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "place_of_page"
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
          "t1"."listed",
          "t1"."median",
          "t1"."recent_median",
          "t1"."reference_listed",
          "t1"."in_window",
          "t1"."place",
          "t1"."bound",
          "t1"."reference",
          "t1"."reference_first",
          "t1"."reference_last",
          "t1"."reference_days",
          "t1"."reference_bound",
          "t1"."bound_views",
          "t1"."usual_source",
          "t1"."deviation",
          "t1"."usual",
          "t1"."weekday_days",
          "t1"."weekday_median",
          "t1"."weekday_effect",
          "t1"."expected",
          "t1"."surprise",
          COUNT(*) OVER (PARTITION BY "t1"."page" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS "candidates"
        FROM (
          SELECT
            *
          FROM "step_03_expected" AS "t0"
          WHERE
            "t0"."in_window"
        ) AS "t1"
      ) AS "t2"
      WHERE
        "t2"."reference_days" > 0
    ) AS "t3"
  ) AS "t4"
  WHERE
    "t4"."place_of_page" = 0
) AS "t5"
