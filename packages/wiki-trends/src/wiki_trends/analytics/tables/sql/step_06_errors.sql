SELECT
  "t0"."page",
  "t0"."date",
  "t0"."views",
  "t0"."day",
  "t0"."weekday",
  "t0"."level",
  "t0"."listed",
  "t0"."median",
  "t0"."recent_median",
  "t0"."reference_listed",
  "t0"."in_window",
  "t0"."place",
  "t0"."bound",
  "t0"."reference",
  "t0"."reference_first",
  "t0"."reference_last",
  "t0"."reference_days",
  "t0"."reference_bound",
  "t0"."bound_views",
  "t0"."usual_source",
  "t0"."deviation",
  "t0"."usual",
  "t0"."weekday_days",
  "t0"."weekday_median",
  "t0"."weekday_effect",
  "t0"."expected",
  "t0"."surprise",
  "t0"."candidates",
  "t0"."mad",
  "t0"."after",
  "t0"."sigma",
  "t0"."spread",
  "t0"."z",
  SQRT(
    (
      (
        "t0"."spread" * "t0"."spread"
      ) + EXP(-(
        "t0"."expected"
      ))
    ) * (
      (
        1.5707963267948966 / CAST(CASE
          WHEN (
            (
              "t0"."reference_listed" * 2
            ) >= "t0"."reference_days"
          )
          AND (
            "t0"."reference_listed" > 0
          )
          THEN "t0"."reference_listed"
          ELSE "t0"."reference_days"
        END AS DOUBLE)
      ) + 1.0
    )
  ) AS "se"
FROM "step_05_dispersions" AS "t0"
