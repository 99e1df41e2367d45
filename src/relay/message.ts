/**
 * Relay v1 as gost speaks it: the messages as plain data. Codec: `encode.ts`, `decode.ts`.
 * Source: go-gost/relay relay.go, feature.go (v0.5.0 … v0.7.0).
 */

export const COMMAND = { CONNECT: 0x01, BIND: 0x02, ASSOCIATE: 0x03 } as const

export const STATUS = {
  OK: 0x00,
  BAD_REQUEST: 0x01,
  UNAUTHORIZED: 0x02,
  FORBIDDEN: 0x03,
  TIMEOUT: 0x04,
  SERVICE_UNAVAILABLE: 0x05,
  HOST_UNREACHABLE: 0x06,
  NETWORK_UNREACHABLE: 0x07,
  INTERNAL_ERROR: 0x08
} as const

/** 20 bytes on the wire; a 16-byte one (gost rc10) is read with zeroes behind it. */
export interface TunnelId {
  /** Lower case, dashed. */
  uuid: string
  /** Request: 0x80 private. Response: 0x01 UDP. */
  flag: number
  /** Bytes 17–18, big-endian; 0 for gost. */
  reserved: number
  /** 0 = not set (counts as 1), 255 excludes lower ones. */
  weight: number
}

export type Feature =
  | { type: 'auth'; user: string; password: string }
  /** `host` is an IP literal for ATYP 1 and 4, else a domain (may be empty). IPv4-mapped IPv6 is written as IPv4. */
  | { type: 'addr'; host: string; port: number }
  | { type: 'tunnel'; id: TunnelId }
  | { type: 'network'; network: number }
  | { type: 'metadata'; entries: ReadonlyArray<readonly [string, string]> }
  /** A feature type we do not know, kept as it came. */
  | { type: 'opaque'; code: number; bytes: Buffer }

export interface RelayRequest {
  /** Low nibble of the command byte. */
  command: number
  /** High nibble, in place (0x80 = UDP). */
  flags: number
  features: readonly Feature[]
}

export interface RelayResponse {
  status: number
  features: readonly Feature[]
}
