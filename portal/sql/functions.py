"""Athena's functions by name, and the type that each gives: the list that a statement is allowed by.

Source: https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html and
https://trino.io/docs/current/functions/list.html. A function that is not here is FUNCTION_NOT_FOUND.
"""

ARGUMENT, ARRAY_OF, ELEMENT, MAP, ROUNDED, UNKNOWN = "=", "array of =", "element of =", "map", "rounded =", None
"""Types that follow the first argument, and one that is not known before the query runs."""

_FAMILIES: tuple[tuple[str | None, str], ...] = (
    ("double", "acos asin atan atan2 cbrt cos cosh degrees e exp infinity ln log log10 log2 nan pi pow power radians"),
    ("double", "rand random sin sinh sqrt tan tanh cosine_similarity great_circle_distance"),
    ("double", "corr covar_pop covar_samp kurtosis regr_intercept regr_slope skewness stddev stddev_pop stddev_samp"),
    ("double", "var_pop var_samp variance geometric_mean to_unixtime percent_rank cume_dist normal_cdf"),
    ("double", "inverse_normal_cdf beta_cdf inverse_beta_cdf"),
    (ARGUMENT, "abs ceil ceiling floor mod sign nullif try greatest least"),
    (ROUNDED, "round truncate"),
    ("bigint", "bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift"),
    ("bigint", "bitwise_right_shift_arithmetic bit_count bitwise_and_agg bitwise_or_agg bitwise_xor_agg from_base"),
    ("bigint", "width_bucket crc32 codepoint length char_length character_length levenshtein_distance"),
    ("bigint", "hamming_distance position strpos regexp_count regexp_position cardinality array_position"),
    ("bigint", "approx_distinct count_if to_milliseconds json_array_length json_size url_extract_port"),
    ("bigint", "day day_of_month day_of_week day_of_year dow doy hour minute month quarter second millisecond week"),
    ("bigint", "week_of_year year year_of_week yow timezone_hour timezone_minute date_diff grouping"),
    ("bigint", "row_number rank dense_rank ntile"),
    ("boolean", "is_finite is_infinite is_nan starts_with regexp_like contains any_match all_match none_match"),
    ("boolean", "arrays_overlap bool_and bool_or every is_json_scalar json_array_contains json_exists"),
    ("varchar", "chr concat_ws format format_number lower upper lpad rpad ltrim rtrim normalize replace reverse"),
    ("varchar", "soundex split_part substr substring translate trim word_stem from_utf8 regexp_extract"),
    ("varchar", "regexp_replace to_base to_base64 to_base64url to_base32 to_hex url_decode url_encode"),
    ("varchar", "url_extract_fragment url_extract_host url_extract_parameter url_extract_path"),
    ("varchar", "url_extract_protocol url_extract_query json_extract_scalar json_format json_value json_query"),
    ("varchar", "array_join listagg date_format format_datetime to_iso8601 human_readable_seconds typeof"),
    ("varchar", "current_timezone version"),
    ("varbinary", "from_base64 from_base64url from_base32 from_hex to_utf8 md5 sha1 sha256 sha512 xxhash64 murmur3"),
    ("varbinary", "checksum hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 spooky_hash_v2_32 spooky_hash_v2_64"),
    ("array(varchar)", "split regexp_extract_all regexp_split"),
    ("json", "json_extract json_parse json_array_get json_array json_object"),
    ("date", "from_iso8601_date last_day_of_month date"),
    ("timestamp", "date_parse parse_duration"),
    ("timestamp with time zone", "from_iso8601_timestamp parse_datetime now with_timezone at_timezone"),
    ("timestamp with time zone", "from_unixtime from_unixtime_nanos"),
    ("uuid", "uuid"),
    (ARRAY_OF, "array_agg"),
    (ARGUMENT, "array_distinct array_sort array_intersect array_union array_except array_remove slice shuffle filter"),
    (ARGUMENT, "trim_array map_filter any_value arbitrary lag lead first_value last_value nth_value"),
    (ARGUMENT, "map_concat approx_percentile"),
    (ELEMENT, "array_max array_min element_at flatten"),
    (MAP, "map map_agg multimap_agg map_from_entries multimap_from_entries map_union map_zip_with split_to_map"),
    (MAP, "split_to_multimap transform_keys transform_values histogram approx_most_frequent numeric_histogram"),
    (UNKNOWN, "concat date_add date_trunc row map_entries map_keys map_values"),
    (UNKNOWN, "transform zip zip_with reduce reduce_agg sequence repeat ngrams"),
    (UNKNOWN, "combinations max_by min_by max min approx_set merge empty_approx_set"),
    (UNKNOWN, "tdigest_agg value_at_quantile qdigest_agg values_at_quantiles array_sum"),
    (UNKNOWN, "sum avg count coalesce if cast try_cast extract"),
)

RETURNS: dict[str, str | None] = {name: kind for kind, names in _FAMILIES for name in names.split()}
"""Function -> Athena's name of its type, or one of the rules above, or None where it is not known."""
