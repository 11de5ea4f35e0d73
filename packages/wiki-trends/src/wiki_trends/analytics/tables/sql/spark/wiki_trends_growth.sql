SELECT
  `t3`.`page`,
  `t3`.`page_display`,
  `t3`.`category`,
  `t3`.`location`,
  `t3`.`first_date`,
  `t3`.`last_date`,
  `t3`.`first_views`,
  `t3`.`last_views`,
  `t3`.`last_views` - `t3`.`first_views` AS `views_change`,
  (
    CAST(`t3`.`last_views` - `t3`.`first_views` AS DOUBLE) * 100
  ) / NULLIF(`t3`.`first_views`, 0) AS `views_change_pct`,
  `t3`.`first_rank`,
  `t3`.`last_rank`,
  CAST(`t3`.`first_rank` - `t3`.`last_rank` AS INT) AS `rank_change`,
  `t3`.`avg_views`,
  `t3`.`max_views`,
  `t3`.`min_views`,
  `t3`.`max_views` - `t3`.`min_views` AS `volatility`,
  CAST(`t3`.`days_listed` AS INT) AS `days_tracked`
FROM (
  SELECT
    `t0`.`page`,
    MAX_BY(`t0`.`page_display`, `t0`.`date`) AS `page_display`,
    MAX_BY(`t0`.`category`, `t0`.`date`) AS `category`,
    MAX_BY(`t0`.`location`, `t0`.`date`) AS `location`,
    MIN(`t0`.`date`) AS `first_date`,
    MAX(`t0`.`date`) AS `last_date`,
    MIN_BY(`t0`.`views`, `t0`.`date`) AS `first_views`,
    MAX_BY(`t0`.`views`, `t0`.`date`) AS `last_views`,
    MIN_BY(`t0`.`rank`, `t0`.`date`) AS `first_rank`,
    MAX_BY(`t0`.`rank`, `t0`.`date`) AS `last_rank`,
    AVG(`t0`.`views`) AS `avg_views`,
    MAX(`t0`.`views`) AS `max_views`,
    MIN(`t0`.`views`) AS `min_views`,
    COUNT(*) AS `days_listed`
  FROM `window_rows` AS `t0`
  GROUP BY
    1
) AS `t3`
WHERE
  `t3`.`days_listed` = (
    SELECT
      COUNT(*) AS `CountStar(window_days)`
    FROM `window_days` AS `t1`
  )
ORDER BY
  `t3`.`last_views` - `t3`.`first_views` DESC,
  `t3`.`page` ASC NULLS LAST
