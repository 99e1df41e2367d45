/**
 * Requests as bytes, sent to the entrypoint of a stock server and of ours before the same app, and every way in which what comes of them differs, with
 * the reason. `HOST` stands for the tunnel's name.
 */

const H = 'Host: HOST\r\n'

export const CORPUS: Readonly<Record<string, string>> = {
  plain: `GET / HTTP/1.1\r\n${H}\r\n`,
  'a query and odd characters': `GET /a%20b/../c?x=%00&y=a+b HTTP/1.1\r\n${H}\r\n`,
  'two slashes': `GET //a//b HTTP/1.1\r\n${H}\r\n`,
  'Host with a port': 'GET / HTTP/1.1\r\nHost: HOST:80\r\n\r\n',
  'absolute target': `GET http://HOST/abs HTTP/1.1\r\n${H}\r\n`,
  'absolute target of another host': 'GET http://HOST/abs HTTP/1.1\r\nHost: other.local\r\n\r\n',
  'OPTIONS *': `OPTIONS * HTTP/1.1\r\n${H}\r\n`,
  'unknown method': `BREW /pot HTTP/1.1\r\n${H}\r\n`,
  'lower-case method': `get / HTTP/1.1\r\n${H}\r\n`,
  HEAD: `HEAD / HTTP/1.1\r\n${H}\r\n`,
  TRACE: `TRACE / HTTP/1.1\r\n${H}\r\n`,
  'POST with a length': `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`,
  'POST in chunks': `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'GET with a body': `GET / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`,
  'DELETE without a body': `DELETE /x HTTP/1.1\r\n${H}\r\n`,
  'PUT of nothing': `PUT /x HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`,
  'repeated fields': `GET / HTTP/1.1\r\n${H}X-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`,
  'an empty value': `GET / HTTP/1.1\r\n${H}X-Empty:\r\n\r\n`,
  'forwarding fields of a proxy': `GET / HTTP/1.1\r\n${H}X-Forwarded-For: 192.0.2.1\r\nX-Real-Ip: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n\r\n`,
  'fields of the connection': `GET / HTTP/1.1\r\n${H}Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\n\r\n`,
  'a request to close': `GET / HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
  'an offer of h2c': `GET / HTTP/1.1\r\n${H}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  'HTTP/1.0': `GET / HTTP/1.0\r\n${H}\r\n`,
  'HTTP/1.0 that keeps': `GET / HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n`,
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': `GET / HTTP/1.1\r\n${H}${H}\r\n`,
  'unknown host': 'GET / HTTP/1.1\r\nHost: nobody.local\r\n\r\n',
  'host in capitals': 'GET / HTTP/1.1\r\nHost: HOSTUPPER\r\n\r\n',
  'length and chunks': `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'equal lengths': `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  'different lengths': `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  'bare LF': `GET / HTTP/1.1\nHost: HOST\n\n`,
  'a folded line': `GET / HTTP/1.1\r\n${H}X-A: 1\r\n 2\r\n\r\n`,
  'a blank before the colon': `GET / HTTP/1.1\r\n${H}X-A : 1\r\n\r\n`,
  'a NUL': `GET / HTTP/1.1\r\n${H}X-A: a\0b\r\n\r\n`,
  'a Latin-1 value': `GET / HTTP/1.1\r\n${H}X-A: caf\xe9\r\n\r\n`,
  'HTTP/1.2': `GET / HTTP/1.2\r\n${H}\r\n`,
  CONNECT: 'CONNECT HOST:80 HTTP/1.1\r\nHost: HOST:80\r\n\r\n',
  'two in a row': `GET /1 HTTP/1.1\r\n${H}\r\nGET /2 HTTP/1.1\r\n${H}Connection: close\r\n\r\n`
}

/** What a request came to: the statuses the visitor got, and what the app was asked (names in lower case, sorted, values kept). */
export interface Outcome {
  statuses: readonly number[]
  asked: readonly string[]
}

export interface Difference {
  why: string
  stock: Outcome
  ours: Outcome
}

/** Keys are those of CORPUS. What is not here comes to the same. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'fields of the connection': {
    why: 'fields of the visitor’s connection end at the server (RFC 9110 §7.6.1); the stock one passes them on, with its own Connection',
    stock: {
      statuses: [200],
      asked: ['GET / HTTP/1.1 | host: HOST | keep-alive: timeout=5 | proxy-connection: x | te: trailers | x-hop: 1']
    },
    ours: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST | te: trailers'] }
  },
  'an offer of h2c': {
    why: 'an upgrade to HTTP/2 would carry requests past every rule that looks at one',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST | http2-settings: AAMAAABkAAQAAP__ | upgrade: h2c'] },
    ours: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST'] }
  },
  'HTTP/1.0': {
    why: 'the version is passed on, so that an app answers without chunks',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST'] },
    ours: { statuses: [200], asked: ['GET / HTTP/1.0 | host: HOST'] }
  },
  'HTTP/1.0 that keeps': {
    why: 'the version is passed on, so that an app answers without chunks',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST'] },
    ours: { statuses: [200], asked: ['GET / HTTP/1.0 | host: HOST'] }
  },
  'no Host': {
    why: 'RFC 9112 §3.2 asks for 400',
    stock: { statuses: [503], asked: [] },
    ours: { statuses: [400], asked: [] }
  },
  'two Hosts': {
    why: 'RFC 9112 §3.2 asks for 400; the stock one closes without a word',
    stock: { statuses: [], asked: [] },
    ours: { statuses: [400], asked: [] }
  },
  'host in capitals': {
    why: 'names have no case (RFC 9110 §4.2.3)',
    stock: { statuses: [502], asked: [] },
    ours: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOSTUPPER'] }
  },
  'length and chunks': {
    why: 'two servers read it differently: request smuggling (RFC 9112 §6.3)',
    stock: { statuses: [200], asked: ['POST / HTTP/1.1 | host: HOST | transfer-encoding: chunked'] },
    ours: { statuses: [400], asked: [] }
  },
  'equal lengths': {
    why: 'two servers may read it differently',
    stock: { statuses: [200], asked: ['POST / HTTP/1.1 | content-length: 3 | host: HOST'] },
    ours: { statuses: [400], asked: [] }
  },
  'different lengths': {
    why: '400 says why; the stock one closes without a word',
    stock: { statuses: [], asked: [] },
    ours: { statuses: [400], asked: [] }
  },
  'bare LF': {
    why: 'two servers may read it differently (RFC 9112 §11.2)',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST'] },
    ours: { statuses: [400], asked: [] }
  },
  'a folded line': {
    why: 'RFC 9112 §5.2 asks for 400',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST | x-a: 1 2'] },
    ours: { statuses: [400], asked: [] }
  },
  'a blank before the colon': {
    why: 'RFC 9112 §5.1 asks for 400; the stock one resets the connector’s request',
    stock: { statuses: [503], asked: [] },
    ours: { statuses: [400], asked: [] }
  },
  'a NUL': {
    why: '400 says why; the stock one closes without a word',
    stock: { statuses: [], asked: [] },
    ours: { statuses: [400], asked: [] }
  },
  'HTTP/1.2': {
    why: '505 instead of a guess',
    stock: { statuses: [200], asked: ['GET / HTTP/1.1 | host: HOST'] },
    ours: { statuses: [505], asked: [] }
  },
  CONNECT: {
    why: 'the entrypoint is no forward proxy; the stock one asks the app to be one',
    stock: { statuses: [200], asked: ['CONNECT HOST:80 HTTP/1.1 | host: HOST:80'] },
    ours: { statuses: [405], asked: [] }
  }
}
