// By json-schema-to-typescript, from openapi/dist/json-schema-2020-12/canonical-run-event.json: npm --prefix interop/bindings/npm run types

/**
 * Any event in one form: what every payload that conforms or deviates is normalised to, without loss. Lists are always there, and empty where there is nothing. Other members are absent where nothing was sent for them, or an empty text. Members may be added within a version.
 */
export interface CanonicalRunEvent {
  /**
   * The version of this form. Always 1 here. To tell a canonical event from a payload, look for event_type, which only payloads have.
   */
  version: 1;
  /**
   * What happened: "run_completed", where run.status says whether the run succeeded; "run_failed"; or "test" where no run ended, and somebody tries the endpoint.
   */
  type: "run_completed" | "run_failed" | "test";
  /**
   * event_type as sent, such as "webhook_test".
   */
  raw_type: string;
  timestamp: CanonicalTime;
  /**
   * The payload's webhook_id: the endpoint that the event is sent to, as its sender calls it. A number is text, as it was written.
   */
  endpoint_id?: string;
  run: CanonicalRun;
  /**
   * Texts captured one by one, in the payload's order. Rows that were sent without a name are one group whose name is empty.
   */
  texts: CanonicalGroup[];
  /**
   * Captured lists, in the payload's order. Those that were sent without names are named by their places: list_0, list_1.
   */
  lists: CanonicalGroup[];
  counts: CanonicalCounts;
  content: CanonicalContent;
  error?: CanonicalError;
  /**
   * Whether a run that failed had extracted anything before.
   */
  partial?: boolean;
  /**
   * What has no member here, or a value that its member can't hold, in the payload's order.
   */
  extra: CanonicalExtra[];
  /**
   * Where values came from: the JSON pointer of each value here, and the pointer of the member of the payload that it was taken from. Only there if it was asked for.
   */
  provenance?: {
    [k: string]: string;
  };
}
/**
 * When something happened: as sent, and as understood.
 */
export interface CanonicalTime {
  /**
   * The text in the payload.
   */
  raw: string;
  /**
   * The instant that raw names, in UTC: an RFC 3339 date-time. Absent where it is not known for certain, as that of a local time whose zone is not known.
   */
  instant?: string;
}
/**
 * The run itself.
 */
export interface CanonicalRun {
  /**
   * Unique identifier of the run.
   */
  id: string;
  /**
   * Unique identifier of the robot.
   */
  robot_id: string;
  /**
   * Name of the robot, "Unknown Robot" where the server knew none. A number is text, as it was written.
   */
  robot_name?: string;
  /**
   * How the run ended: "success", "failed", or "test" for an event that was sent to try the endpoint.
   */
  status: "success" | "failed" | "test";
  started_at?: CanonicalTime;
  finished_at?: CanonicalTime;
  /**
   * Unique identifier of the browser that ran the robot.
   */
  browser_id?: string;
  /**
   * Identifier of the user who owns the robot: text, also where it was sent as a number.
   */
  user_id?: string;
  /**
   * True for an event that was sent to try the endpoint.
   */
  test_mode?: boolean;
  /**
   * How long the run took, in milliseconds. Sent by early servers only.
   */
  execution_time_ms?: number;
}
/**
 * Rows that were captured together.
 */
export interface CanonicalGroup {
  /**
   * Name of the group, empty where rows were sent without one.
   */
  name: string;
  /**
   * The names of the cells of all rows, in the order in which they first appear.
   */
  columns: string[];
  /**
   * The rows, in the payload's order.
   */
  rows: CanonicalRow[];
  /**
   * True for a list that is null in the payload: it has no rows.
   */
  null?: boolean;
}
/**
 * One row: the name of each cell, and its text, or null where nothing was found. A row may lack some of the columns.
 */
export interface CanonicalRow {
  [k: string]: string | null;
}
/**
 * What the payload says of how much there is. Servers miscount: to know how many rows there are, count them.
 */
export interface CanonicalCounts {
  /**
   * total_rows: the rows of texts and lists together.
   */
  rows?: number;
  /**
   * captured_texts_count: rows, or cells with some servers.
   */
  texts?: number;
  /**
   * captured_lists_count: the rows of all lists.
   */
  lists?: number;
  /**
   * screenshots_count.
   */
  screenshots?: number;
  /**
   * total_data_points_extracted: cells.
   */
  data_points?: number;
}
/**
 * What runs bring home that don't capture rows: a page, or the results of a crawl or a search.
 */
export interface CanonicalContent {
  /**
   * The page as text.
   */
  text?: string;
  /**
   * The page as Markdown.
   */
  markdown?: string;
  /**
   * The page as HTML.
   */
  html?: string;
  /**
   * A summary of the page.
   */
  summary?: string;
  /**
   * The links of the page.
   */
  links: CanonicalLink[];
  /**
   * URL of a screenshot of the visible part of the page.
   */
  visible_screenshot?: string;
  /**
   * URL of a screenshot of the whole page.
   */
  full_page_screenshot?: string;
  /**
   * The results of crawls, in the payload's order.
   */
  crawls: CanonicalCrawl[];
  /**
   * The results of searches, in the payload's order.
   */
  searches: CanonicalSearch[];
}
/**
 * One link of a page.
 */
export interface CanonicalLink {
  /**
   * Where the link leads. Absent where what was sent is neither a text nor an object with a url.
   */
  url?: string;
  /**
   * The link as sent, of any type. Absent where that is an object that has the url and nothing else.
   */
  value?: unknown;
}
/**
 * What one crawl brought home.
 */
export interface CanonicalCrawl {
  /**
   * Name of the crawl.
   */
  name: string;
  /**
   * The pages, in the payload's order.
   */
  pages: CanonicalPage[];
  /**
   * The crawl as sent, of any type, where that is not a list of objects. Then there are no pages.
   */
  value?: unknown;
}
/**
 * One page of a crawl.
 */
export interface CanonicalPage {
  /**
   * URL of the page.
   */
  url?: string;
  /**
   * URL that was asked for.
   */
  source_url?: string;
  /**
   * Status code of the answer.
   */
  status_code?: number;
  /**
   * How many links lead from the start of the crawl to the page.
   */
  depth?: number;
  /**
   * Title of the page.
   */
  title?: string;
  /**
   * Description that the page has of itself.
   */
  description?: string;
  /**
   * Language that the page says it is in.
   */
  language?: string;
  /**
   * URL of the icon of the page.
   */
  favicon?: string;
  scraped_at?: CanonicalTime;
  /**
   * How many words the page has.
   */
  word_count?: number;
  /**
   * The page as text.
   */
  text?: string;
  /**
   * The page as Markdown.
   */
  markdown?: string;
  /**
   * The page as HTML.
   */
  html?: string;
  /**
   * The links of the page.
   */
  links: CanonicalLink[];
  /**
   * What of the page has no member here, or a value that its member can't hold.
   */
  extra: CanonicalExtra[];
}
/**
 * A member of the payload that has no member here, or a value that its member can't hold.
 */
export interface CanonicalExtra {
  /**
   * Its JSON pointer in the payload.
   */
  pointer: string;
  /**
   * Its value, of any type.
   */
  value: unknown;
}
/**
 * What one search found.
 */
export interface CanonicalSearch {
  /**
   * Name of the search.
   */
  name: string;
  /**
   * What was searched for.
   */
  query?: string;
  /**
   * Where it was searched for.
   */
  provider?: string;
  searched_at?: CanonicalTime;
  /**
   * What the payload says of how many results there are.
   */
  result_count?: number;
  /**
   * The results, in the payload's order.
   */
  results: CanonicalSearchResult[];
  /**
   * What of the search has no member here, or a value that its member can't hold.
   */
  extra: CanonicalExtra[];
  /**
   * The search as sent, of any type, where that is not an object. Then it has only a name besides.
   */
  value?: unknown;
}
/**
 * One result of a search.
 */
export interface CanonicalSearchResult {
  /**
   * URL of the result.
   */
  url?: string;
  /**
   * Title of the result.
   */
  title?: string;
  /**
   * What the provider says of the result.
   */
  description?: string;
  /**
   * Place among the results, from 1.
   */
  position?: number;
  /**
   * What of the result has no member here, or a value that its member can't hold.
   */
  extra: CanonicalExtra[];
}
/**
 * Why the run failed.
 */
export interface CanonicalError {
  /**
   * Description of the error, without the escape sequences of terminals. Empty where there is none.
   */
  message: string;
  /**
   * The description as sent, where that differs.
   */
  raw_message?: string;
  /**
   * Type or category of the error.
   */
  type?: string;
  /**
   * Stack trace of the error, without the escape sequences of terminals.
   */
  stack?: string;
  /**
   * The stack trace as sent, where that differs.
   */
  raw_stack?: string;
}
