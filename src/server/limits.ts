/** Bounds on everything a stranger can send. All configurable; `FAST_LIMITS` is for tests. */

export interface ServerLimits {
  /** A visitor's request head, or ClientHello. */
  headBytes: number
  /** The app's response head. */
  responseHeadBytes: number
  /** Interim responses (1xx) before a final one. */
  interimResponses: number
  /** From accept (or the end of the last exchange, for its first byte) to a complete head or ClientHello. */
  headTimeoutMs: number
  /** A kept-alive visitor without a next request. */
  idleTimeoutMs: number
  /** From the request to the first byte of the answer; gost's `entrypoint.readTimeout`. */
  firstByteTimeoutMs: number
  /** Relay request on the tunnel port, from accept. */
  relayTimeoutMs: number
  /** A connector of ours that has not said who it is by then is taken for one that has no wishes. */
  helloMs: number
  /** A stream that the connector has not answered with a window update or a byte: it becomes suspect. */
  unansweredOpenMs: number
  /** Our own connector's heartbeat on the control channel: asked every third of it. Short enough for visitors to be elsewhere 3 s after a laptop fell asleep. */
  heartbeatMs: number
  keepaliveIntervalMs: number
  keepaliveTimeoutMs: number
  streamsPerConnector: number
  connectorsPerTunnel: number
  tunnels: number
  /** Accepted binds per second, with a burst of the same size: of tunnels of the rules, and of all others. */
  bindsPerSecond: number
  /** Where more come, one that waits for a request goes. */
  visitors: number
  /** Connectors tried for one request. */
  attempts: number
  /** After a connector was cut off: for so long a request that nobody else can take waits for one to be bound. */
  rebindMs: number
  /** Requests that wait so; one more is refused at once. */
  waiting: number
  /** Of a request's body kept for another attempt; a larger one goes to one connector only. */
  heldBodyBytes: number
  /** Kept of all requests together. */
  heldBytes: number
  /** After one side ended, how long the other may stay silent where the end cannot be passed on. */
  halfClosedMs: number
  /** How long a visitor may take to close after our answer. */
  lingerMs: number
  /** Unfinished connections on the tunnel port, at each step of their handshake; where more come the oldest goes. */
  handshakes: number
  /** Source addresses of one UDP entrypoint, how long one may be silent, and bytes of each that wait for the connector. */
  udpSources: number
  udpIdleMs: number
  udpQueueBytes: number
  /** Requests in progress on one HTTP/2 connection. */
  http2Streams: number
  /** Header fields of one request. */
  http2Fields: number
  /** PING and SETTINGS frames of one visitor. */
  http2ControlPerSecond: number
  /** Streams that one visitor resets: so many at once, then so many per second (CVE-2023-44487). */
  http2ResetBurst: number
  http2ResetsPerSecond: number
  /** Unread bytes of one request body, and of all on one connection. */
  http2StreamWindowBytes: number
  http2SessionWindowBytes: number
  /** An HTTP/2 connection to an app without a call. */
  appIdleMs: number
}

export const DEFAULT_LIMITS: ServerLimits = {
  headBytes: 65_536,
  responseHeadBytes: 262_144,
  interimResponses: 32,
  headTimeoutMs: 15_000,
  idleTimeoutMs: 75_000,
  firstByteTimeoutMs: 15_000,
  relayTimeoutMs: 10_000,
  helloMs: 2_000,
  unansweredOpenMs: 3_000,
  heartbeatMs: 2_200,
  keepaliveIntervalMs: 10_000,
  keepaliveTimeoutMs: 30_000,
  streamsPerConnector: 4_096,
  connectorsPerTunnel: 256,
  tunnels: 4_096,
  bindsPerSecond: 200,
  visitors: 20_000,
  attempts: 3,
  rebindMs: 2_000,
  waiting: 4_096,
  heldBodyBytes: 1_048_576,
  heldBytes: 67_108_864,
  halfClosedMs: 30_000,
  lingerMs: 2_000,
  handshakes: 1_024,
  udpSources: 4_096,
  udpIdleMs: 60_000,
  udpQueueBytes: 262_144,
  http2Streams: 128,
  http2Fields: 512,
  http2ControlPerSecond: 50,
  http2ResetBurst: 500,
  http2ResetsPerSecond: 50,
  http2StreamWindowBytes: 262_144,
  http2SessionWindowBytes: 2_097_152,
  appIdleMs: 10_000
}

export const FAST_LIMITS: ServerLimits = {
  ...DEFAULT_LIMITS,
  headTimeoutMs: 400,
  idleTimeoutMs: 1_000,
  firstByteTimeoutMs: 700,
  relayTimeoutMs: 300,
  helloMs: 200,
  unansweredOpenMs: 200,
  heartbeatMs: 300,
  rebindMs: 300,
  appIdleMs: 300
}
