SELECT
  "t0"."page",
  "t0"."date" AS "surprise_date",
  "t0"."views" AS "surprise_views",
  "t0"."reference_days",
  "t0"."reference_listed",
  "t0"."median" AS "median_level",
  "t0"."mad",
  (
    "t0"."level" - "t0"."median"
  ) / NULLIF("t0"."sigma", 0.0) AS "robust_z",
  EXP("t0"."usual") - 1.0 AS "usual_views",
  "t0"."weekday_days",
  "t0"."weekday_effect",
  EXP("t0"."expected") - 1.0 AS "expected_views",
  "t0"."surprise",
  "t0"."spread",
  CAST("t0"."reference_days" AS DOUBLE) / 28.0 AS "confidence",
  (
    "t0"."surprise" / "t0"."spread"
  ) * (
    CAST("t0"."reference_days" AS DOUBLE) / 28.0
  ) AS "score",
  CASE
    WHEN "t0"."reference_days" >= 14
    THEN CAST(ROUND("t0"."surprise" / "t0"."se", 9) AS DOUBLE) >= 5.0
    ELSE CAST(NULL AS BOOLEAN)
  END AS "burst",
  CASE
    WHEN CASE
      WHEN "t0"."reference_days" >= 14
      THEN CAST(ROUND("t0"."surprise" / "t0"."se", 9) AS DOUBLE) >= 5.0
      ELSE CAST(NULL AS BOOLEAN)
    END
    AND (
      CAST(ROUND((
        "t0"."after" - "t0"."usual"
      ) / NULLIF("t0"."level" - "t0"."usual", 0.0), 9) AS DOUBLE) >= 0.5
    )
    THEN 'plateau'
    WHEN CASE
      WHEN "t0"."reference_days" >= 14
      THEN CAST(ROUND("t0"."surprise" / "t0"."se", 9) AS DOUBLE) >= 5.0
      ELSE CAST(NULL AS BOOLEAN)
    END
    AND (
      (
        (
          "t0"."after" - "t0"."usual"
        ) / NULLIF("t0"."level" - "t0"."usual", 0.0)
      ) IS NOT NULL
    )
    THEN 'spike'
    ELSE CAST(NULL AS TEXT)
  END AS "shape",
  "t0"."reference",
  "t0"."se",
  "t0"."surprise" / "t0"."se" AS "evidence",
  EXP("t0"."surprise" - (
    "t0"."z" * "t0"."se"
  )) AS "at_least",
  CASE
    WHEN "t0"."reference_listed" = "t0"."reference_days"
    THEN EXP("t0"."surprise" + (
      "t0"."z" * "t0"."se"
    ))
    ELSE CAST(NULL AS DOUBLE)
  END AS "at_most",
  CASE
    WHEN CAST("t0"."views" AS DOUBLE) > GREATEST(EXP("t0"."expected" + (
      "t0"."z" * "t0"."se"
    )) - 1.0, 1.0)
    THEN (
      CAST("t0"."views" AS DOUBLE) * LN(
        CAST("t0"."views" AS DOUBLE) / GREATEST(EXP("t0"."expected" + (
          "t0"."z" * "t0"."se"
        )) - 1.0, 1.0)
      )
    ) - (
      CAST("t0"."views" AS DOUBLE) - GREATEST(EXP("t0"."expected" + (
        "t0"."z" * "t0"."se"
      )) - 1.0, 1.0)
    )
    ELSE 0.0
  END AS "magnitude",
  "t0"."z",
  "t0"."usual_source",
  "t0"."recent_median" AS "recent_level",
  "t0"."bound_views",
  "t0"."after" AS "after_level"
FROM "step_06_errors" AS "t0"
