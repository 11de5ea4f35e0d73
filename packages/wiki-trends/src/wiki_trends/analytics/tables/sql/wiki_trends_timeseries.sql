SELECT
  "t0"."page",
  "t0"."page_display",
  "t0"."date",
  "t0"."views",
  "t0"."rank",
  "t0"."category",
  "t0"."location_type",
  "t0"."location",
  "t0"."latitude",
  "t0"."longitude"
FROM "window_rows" AS "t0"
ORDER BY
  "t0"."date" ASC,
  "t0"."rank" ASC,
  "t0"."page" ASC
