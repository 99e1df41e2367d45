/** What became of an attempt to get a request answered. */

/** `keep` and `close`: the response is complete. `gone`: the visitor's connection is closed already. */
export type Ending = 'keep' | 'close' | 'gone'

/** Why there is no response; nothing of one has reached the visitor. */
export type Failure =
  | { why: 'visitor-left' }
  | { why: 'bad-upload'; detail: string }
  | { why: 'no-answer' }
  | { why: 'unanswered' }
  /** `silent`: not even a part of a head had come. `declined`: no app has seen the request. */
  | { why: 'app-closed'; silent: boolean; declined: boolean }
  | { why: 'bad-response' }

export type Outcome = { ending: Ending } | { failure: Failure }
