/** TLS parameters of a gost dialer as written (x/config/parsing/node/parse.go, `-F …?secure=true&serverName=…&caFile=…`). */
export interface TlsFacts {
  /** gost verifies the certificate only with `secure=true`. */
  secure: boolean
  /** Sent as SNI and verified: as written, else the host that is dialled. */
  serverName: string | undefined
  /** A path in the container, readable only when it comes from a ConfigMap or Secret volume; PEM when it could be read. */
  ca: string | undefined
  /** The client certificate and its key that the dialer shows, like `ca`. */
  cert: string | undefined
  key: string | undefined
}
