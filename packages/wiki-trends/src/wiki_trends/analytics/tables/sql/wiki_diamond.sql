SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t0"."page",
      "t0"."page_display",
      "t0"."date",
      "t0"."views",
      "t0"."rank",
      "t0"."link",
      "t0"."category",
      "t0"."location_type",
      "t0"."location",
      "t0"."latitude",
      "t0"."longitude"
    FROM "window_rows" AS "t0"
  ) AS "t2"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t1"."page",
      "t1"."page_display",
      "t1"."date",
      "t1"."views",
      "t1"."rank",
      "t1"."link",
      "t1"."category",
      "t1"."location_type",
      "t1"."location",
      "t1"."latitude",
      "t1"."longitude"
    FROM "earlier_rows" AS "t1"
  ) AS "t3"
) AS "t4"
ORDER BY
  "t4"."date" ASC,
  "t4"."rank" ASC,
  "t4"."page" ASC
