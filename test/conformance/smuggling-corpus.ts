/**
 * Requests as bytes on which two servers in a row have disagreed, or could (RFC 9112 §11.2, James Kettle's and others' collections), and what comes of them: the
 * statuses that the visitor gets, and what the app is asked. Behind most stands a request for `/hidden`: whoever reads that as a request of its own must
 * have counted it as one.
 */

export const HOST = 'corpus.local'
const H = `Host: ${HOST}\r\n`
export const HIDDEN = `GET /hidden HTTP/1.1\r\n${H}\r\n`
const N = HIDDEN.length
const CH = 'Transfer-Encoding: chunked\r\n'
const EMPTY = `0\r\n\r\n${HIDDEN}`

const post = (fields: string, rest = HIDDEN): string => `POST /p HTTP/1.1\r\n${H}${fields}\r\n${rest}`
const get = (fields: string, rest = HIDDEN): string => `GET /g HTTP/1.1\r\n${H}${fields}\r\n${rest}`
const length = (value: string): string => post(`Content-Length:${value}\r\n`)
const coding = (value: string): string => post(`Transfer-Encoding:${value}\r\n`, EMPTY)
const chunks = (body: string): string => post(CH, body)
const line = (start: string): string => `${start}\r\n${H}\r\n${HIDDEN}`

/** `STATUS … | REQUEST, …`; `?` behind one: the app may have seen it, broken off, or not. */
export type Outcome = string

/** Before node:http, our server's; where it is another before nginx, and on a stock server before node:http, that. */
export type SmugglingCase = readonly [bytes: string, ours: Outcome, others?: { nginx?: Outcome; stock?: Outcome }]

export const SMUGGLING: Readonly<Record<string, SmugglingCase>> = {
  // two ends of one message
  'CL.TE': [post(`Content-Length: 6\r\n${CH}`, EMPTY), '400', { stock: '200 200 | POST /p, GET /hidden' }],
  'TE.CL': [post(`${CH}Content-Length: 4\r\n`, `5c\r\n${HIDDEN}\r\n0\r\n\r\n`), '400', { stock: '200 | POST /p' }],
  'CL.0: a GET whose body is a request': [get(`Content-Length: ${N}\r\n`), '200 | GET /g'],
  'a body that is a request': [post(`Content-Length: ${N}\r\n`), '200 | POST /p'],
  'a chunk that is a request': [chunks(`${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`), '200 | POST /p'],
  'TE on GET': [get(CH, EMPTY), '200 200 | GET /g, GET /hidden'],
  'TE on HEAD': [`HEAD /g HTTP/1.1\r\n${H}${CH}\r\n0\r\n\r\n${HIDDEN}`, '200 200 | HEAD /g, GET /hidden'],
  'a length on HEAD': [`HEAD /g HTTP/1.1\r\n${H}Content-Length: ${N}\r\n\r\n${HIDDEN}`, '200 | HEAD /g'],
  'a length on OPTIONS': [`OPTIONS * HTTP/1.1\r\n${H}Content-Length: ${N}\r\n\r\n${HIDDEN}`, '200 | OPTIONS *', { nginx: '400 | - -' }],
  'two in a row': [get(''), '200 200 | GET /g, GET /hidden'],
  'one behind a last one': [get('Connection: close\r\n'), '200 | GET /g', { stock: '200 200 | GET /g, GET /hidden' }],
  'one behind HTTP/1.0': [`GET /g HTTP/1.0\r\n${H}\r\n${HIDDEN}`, '200 | GET /g', { stock: '200 200 | GET /g, GET /hidden' }],
  'a line end behind a body': [
    post('Content-Length: 1\r\n', `a\r\n${HIDDEN}`),
    '200 200 | POST /p, GET /hidden',
    { stock: '200 | POST /p' }
  ],
  'a stray byte behind a body': [post('Content-Length: 1\r\n', `ab${HIDDEN}`), '200 400 | POST /p', { nginx: '200 400 | POST /p, - -' }],
  // Content-Length
  'length: two': [post(`Content-Length: 0\r\nContent-Length: ${N}\r\n`), '400', { stock: '' }],
  'length: two, the other first': [post(`Content-Length: ${N}\r\nContent-Length: 0\r\n`), '400', { stock: '' }],
  'length: two equal': [post(`Content-Length: 0\r\nContent-Length: 0\r\n`), '400', { stock: '200 200 | POST /p, GET /hidden' }],
  'length: a list': [length(` 0, ${N}`), '400', { stock: '' }],
  'length: a list of equals': [length(' 0, 0'), '400', { stock: '' }],
  'length: a comma behind': [length(' 0,'), '400', { stock: '' }],
  'length: empty': [length(''), '400', { stock: '' }],
  'length: plus': [length(' +0'), '400', { stock: '' }],
  'length: minus': [length(' -0'), '400', { stock: '' }],
  'length: hexadecimal': [length(' 0x0'), '400', { stock: '' }],
  'length: exponent': [length(' 0e0'), '400', { stock: '' }],
  'length: fraction': [length(' 0.0'), '400', { stock: '' }],
  'length: underscore': [length(' 0_0'), '400', { stock: '' }],
  'length: blank within': [length(' 0 0'), '400', { stock: '' }],
  'length: quoted': [length(' "0"'), '400', { stock: '' }],
  'length: leading zeroes': [length(' 000'), '200 200 | POST /p, GET /hidden'],
  'length: tab before': [length('\t0'), '200 200 | POST /p, GET /hidden'],
  'length: vertical tab': [length('\x0b0'), '400', { stock: '' }],
  'length: no-break space': [length('\xa00'), '400', { stock: '' }],
  'length: NUL behind': [length(' 0\0'), '400', { stock: '' }],
  'length: 2^64': [length(' 18446744073709551616'), '400', { stock: '' }],
  'length: blank before the colon': [post('Content-Length : 0\r\n'), '400', { stock: '503' }],
  'length: tab before the colon': [post('Content-Length\t: 0\r\n'), '400', { stock: '' }],
  'length: folded': [post('Content-Length:\r\n 0\r\n'), '400', { stock: '200 200 | POST /p, GET /hidden' }],
  'length: underscore in the name': [post('Content_Length: 7\r\n'), '200 200 | POST /p, GET /hidden'],
  'length: behind a bare LF': [post(`X: y\nContent-Length: ${N}\r\n`), '400', { stock: '200 | POST /p' }],
  'length: behind a bare CR': [post(`X: y\rContent-Length: ${N}\r\n`), '400', { stock: '' }],
  'length: behind a bare LF, on GET': [get(`X: y\nContent-Length: ${N}\r\n`), '400', { stock: '200 | GET /g' }],
  'length: too long by far': [post('Content-Length: 100000\r\n', 'ab'), '200 | POST /p'],
  // Transfer-Encoding
  'coding: in HTTP/1.0': [`POST /p HTTP/1.0\r\n${H}${CH}\r\n0\r\n\r\n${HIDDEN}`, '400', { stock: '200 | POST /p' }],
  'coding: twice': [post(`${CH}${CH}`, EMPTY), '400', { stock: '' }],
  'coding: chunked, chunked': [coding(' chunked, chunked'), '400', { stock: '' }],
  'coding: chunked, identity': [coding(' chunked, identity'), '400', { stock: '' }],
  'coding: identity': [coding(' identity'), '400', { stock: '' }],
  'coding: identity, chunked': [coding(' identity, chunked'), '400', { stock: '' }],
  'coding: gzip, chunked': [coding(' gzip, chunked'), '400', { stock: '' }],
  'coding: two fields': [post(`Transfer-Encoding: identity\r\n${CH}`, EMPTY), '400', { stock: '' }],
  'coding: capitals': [coding(' CHUNKED'), '200 200 | POST /p, GET /hidden'],
  'coding: xchunked': [coding(' xchunked'), '400', { stock: '' }],
  'coding: chunke': [coding(' chunke'), '400', { stock: '' }],
  'coding: a comma behind': [coding(' chunked,'), '400', { stock: '' }],
  'coding: a comma before': [coding(' ,chunked'), '400', { stock: '' }],
  'coding: a parameter': [coding(' chunked;q=1'), '400', { stock: '' }],
  'coding: quoted': [coding(' "chunked"'), '400', { stock: '' }],
  'coding: empty': [coding(''), '400', { stock: '' }],
  'coding: tab before': [coding('\tchunked'), '200 200 | POST /p, GET /hidden'],
  'coding: vertical tab': [coding('\x0bchunked'), '400', { stock: '' }],
  'coding: no-break space': [coding('\xa0chunked'), '400', { stock: '' }],
  'coding: NUL behind': [coding(' chunked\0'), '400', { stock: '' }],
  'coding: DEL behind': [coding(' chunked\x7f'), '400', { stock: '' }],
  'coding: 0xff before': [coding(' \xffchunked'), '400', { stock: '' }],
  'coding: blank before the colon': [post('Transfer-Encoding : chunked\r\n', EMPTY), '400', { stock: '503' }],
  'coding: NUL in the name': [post('Transfer-Encoding\0: chunked\r\n', EMPTY), '400', { stock: '' }],
  'coding: blank before the name': [post(' Transfer-Encoding: chunked\r\n', EMPTY), '400', { stock: '502' }],
  'coding: folded': [coding('\r\n chunked'), '400', { stock: '200 200 | POST /p, GET /hidden' }],
  'coding: folded name': [post('Transfer-\r\n Encoding: chunked\r\n', EMPTY), '400', { stock: '' }],
  'coding: underscore in the name': [post('Transfer_Encoding: chunked\r\n'), '200 200 | POST /p, GET /hidden'],
  'coding: behind a bare LF': [post('X: y\nTransfer-Encoding: chunked\r\n', EMPTY), '400', { stock: '200 200 | POST /p, GET /hidden' }],
  'coding: behind a bare CR': [post('X: y\rTransfer-Encoding: chunked\r\n', EMPTY), '400', { stock: '' }],
  'coding: behind a bare LF, on GET': [
    get('X: y\nTransfer-Encoding: chunked\r\n', EMPTY),
    '400',
    { stock: '200 200 | GET /g, GET /hidden' }
  ],
  // chunks
  'chunk: an extension': [chunks(`1;a=b\r\na\r\n0\r\n\r\n${HIDDEN}`), '200 200 | POST /p, GET /hidden'],
  'chunk: an extension without a name': [chunks(`1;\r\na\r\n0\r\n\r\n${HIDDEN}`), '200 200 | POST /p, GET /hidden'],
  'chunk: an extension of odd bytes': [chunks(`1;\xff="\x80'\r\na\r\n0\r\n\r\n${HIDDEN}`), '200 200 | POST /p, GET /hidden'],
  'chunk: a bare LF in an extension': [chunks(`1;a\nb\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: a bare CR in an extension': [chunks(`1;a\rb\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: a bare LF ends an extension (TERM.EXT)': [chunks(`1;\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: a quoted CRLF in an extension': [chunks(`1;a="\r\nb"\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: an endless extension': [
    chunks(`1;${'x'.repeat(10_000)}\r\na\r\n0\r\n\r\n${HIDDEN}`),
    '400 | POST /p?',
    { stock: '503 | POST /p' }
  ],
  'chunk: blank behind the size': [chunks(`1 \r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '200 200 | POST /p, GET /hidden' }],
  'chunk: blank before the size': [chunks(` 1\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: size of 2^64': [chunks(`10000000000000000\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: size of 2^64 + 1': [chunks(`10000000000000001\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: size of 2^32 + 1': [chunks(`100000001\r\na\r\n0\r\n\r\n${HIDDEN}`), '200 | POST /p'],
  'chunk: leading zeroes': [chunks(`0001\r\na\r\n0\r\n\r\n${HIDDEN}`), '200 200 | POST /p, GET /hidden'],
  'chunk: very many leading zeroes': [
    chunks(`${'0'.repeat(40)}1\r\na\r\n0\r\n\r\n${HIDDEN}`),
    '400 | POST /p?',
    { stock: '503 | POST /p' }
  ],
  'chunk: plus': [chunks(`+1\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: minus': [chunks(`-1\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: 0x': [chunks(`0x1\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: underscore': [chunks(`0_1\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: no size': [chunks(`\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: no number': [chunks(`g\r\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare LF behind the size': [chunks(`1\na\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare CR behind the size': [chunks(`1\ra\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: no CRLF behind it': [chunks(`1\r\na0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare LF behind it': [chunks(`1\r\na\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare CR behind it': [chunks(`1\r\na\r0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: two odd bytes behind it (TERM.SPILL)': [chunks(`1\r\naXX0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: longer than its size': [chunks(`1\r\nabc\r\n0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare LF behind the last': [chunks(`0\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'chunk: bare LF at the end': [chunks(`0\r\n\n${HIDDEN}`), '400 | POST /p?', { stock: '200 200 | POST /p, GET /hidden' }],
  'chunk: the last one several times': [chunks(`0\r\n\r\n0\r\n\r\n${HIDDEN}`), '200 400 | POST /p', { stock: '200 | POST /p' }],
  // trailers
  'trailer: a field': [chunks(`0\r\nX-A: 1\r\n\r\n${HIDDEN}`), '200 200 | POST /p, GET /hidden'],
  'trailer: a length': [
    chunks(`0\r\nContent-Length: ${N}\r\n\r\n${HIDDEN}`),
    '400 | POST /p?',
    { stock: '200 200 | POST /p, GET /hidden' }
  ],
  'trailer: a coding': [
    chunks(`0\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN}`),
    '400 | POST /p?',
    { stock: '200 200 | POST /p, GET /hidden' }
  ],
  'trailer: a Host': [chunks(`0\r\nHost: other.local\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '200 200 | POST /p, GET /hidden' }],
  'trailer: a request line': [chunks(`0\r\nGET /hidden HTTP/1.1\r\n${H}\r\n`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'trailer: bare LF': [chunks(`0\r\nX: y\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '200 200 | POST /p, GET /hidden' }],
  'trailer: bare CR': [chunks(`0\r\nX: y\rZ: a\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  'trailer: folded': [chunks(`0\r\nX: y\r\n z\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '200 200 | POST /p, GET /hidden' }],
  'trailer: NUL': [chunks(`0\r\nX: \0\r\n\r\n${HIDDEN}`), '400 | POST /p?', { stock: '503 | POST /p' }],
  // lines
  'line: bare LF everywhere': [`GET /g HTTP/1.1\nHost: ${HOST}\n\n${HIDDEN}`, '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'line: bare LF ends the head': [`GET /g HTTP/1.1\r\n${H}\n${HIDDEN}`, '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'line: bare CR ends the head': [`GET /g HTTP/1.1\r\n${H}\r${HIDDEN}`, '400', { stock: '' }],
  'line: bare CR in a value': [get('X: a\rb\r\n'), '400', { stock: '' }],
  'line: bare CR ends a field': [get('X: a\rY: b\r\n'), '400', { stock: '' }],
  'line: CR CR LF': [get('X: a\r\r\n'), '400', { stock: '' }],
  'line: folded': [get('X: a\r\n b\r\n'), '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'line: folded first field': [`GET /g HTTP/1.1\r\n Host: other.local\r\n${H}\r\n${HIDDEN}`, '400', { stock: '' }],
  'line: folded, empty': [get('X: a\r\n \r\n'), '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'line: NUL in a value': [get('X: a\0b\r\n'), '400', { stock: '' }],
  'line: NUL in a name': [get('X\0: a\r\n'), '400', { stock: '' }],
  'line: control byte in a value': [get('X: a\x01b\r\n'), '400', { stock: '' }],
  'line: no colon': [get('nonsense\r\n'), '400', { stock: '' }],
  'line: no name': [get(': v\r\n'), '400', { stock: '' }],
  'line: blank before the colon': [get('X : v\r\n'), '400', { stock: '503' }],
  'line: blank in a name': [get('X Y: v\r\n'), '400', { stock: '503' }],
  'line: 0x80 in a name': [get('X\x80: v\r\n'), '400', { stock: '' }],
  'line: an odd token for a name': [get("!#$%&'*+.^`|~: v\r\n"), '200 200 | GET /g, GET /hidden'],
  'line: underscores in a name': [get('X_Forwarded_For: 192.0.2.1\r\n'), '200 200 | GET /g, GET /hidden'],
  'line: a quote in a name': [get('"X": v\r\n'), '400', { stock: '' }],
  'line: empty lines before': [`\r\n\r\n${get('', '')}`, '200 | GET /g', { stock: '' }],
  'line: bare LF before': [`\n${get('', '')}`, '400', { stock: '' }],
  // request line and Host
  'start: two blanks': [line('GET  /g HTTP/1.1'), '400', { stock: '' }],
  'start: tab': [line('GET\t/g HTTP/1.1'), '400', { stock: '' }],
  'start: blank before': [line(' GET /g HTTP/1.1'), '400', { stock: '' }],
  'start: blank behind': [line('GET /g HTTP/1.1 '), '400', { stock: '' }],
  'start: a third word': [line('GET /g HTTP/1.1 x'), '400', { stock: '' }],
  'start: blank in the target': [line('GET /g h HTTP/1.1'), '400', { stock: '' }],
  'start: tab in the target': [line('GET /g\th HTTP/1.1'), '400', { stock: '' }],
  'start: control byte in the target': [line('GET /g\x01 HTTP/1.1'), '400', { stock: '' }],
  'start: DEL in the target': [line('GET /g\x7f HTTP/1.1'), '400', { stock: '' }],
  'start: NUL in the target': [line('GET /g\0 HTTP/1.1'), '400', { stock: '' }],
  'start: 0xff in the target': [
    line('GET /g\xff HTTP/1.1'),
    '400',
    { nginx: '200 200 | GET /g\\xFF, GET /hidden', stock: '200 200 | GET /g%FF, GET /hidden' }
  ],
  'start: a fragment': [line('GET /g#f HTTP/1.1'), '200 200 | GET /g#f, GET /hidden', { stock: '200 200 | GET /g%23f, GET /hidden' }],
  'start: a bare CR': [line('GET /g\rHTTP/1.1'), '400', { stock: '' }],
  'start: HTTP/0.9': [`GET /g\r\n${HIDDEN}`, '400', { stock: '' }],
  'start: HTTP/1.10': [line('GET /g HTTP/1.10'), '400', { stock: '' }],
  'start: HTTP/1.2': [line('GET /g HTTP/1.2'), '505', { stock: '200 200 | GET /g, GET /hidden' }],
  'start: HTTP/2.0': [line('GET /g HTTP/2.0'), '505', { stock: '200 200 | GET /g, GET /hidden' }],
  'start: HTTP/01.1': [line('GET /g HTTP/01.1'), '400', { stock: '' }],
  'start: http/1.1': [line('GET /g http/1.1'), '400', { stock: '' }],
  'start: control byte in the method': [line('G\x01T /g HTTP/1.1'), '400', { stock: '' }],
  'start: a colon in the method': [line('GE:T /g HTTP/1.1'), '400', { stock: '' }],
  'start: an odd token for a method': [
    line("G!#$'*+T /g HTTP/1.1"),
    '400',
    { nginx: '400 200 | - -, GET /hidden', stock: '400 200 | GET /hidden' }
  ],
  'start: no slash': [line('GET g HTTP/1.1'), '400', { stock: '' }],
  'start: * of GET': [line('GET * HTTP/1.1'), '400', { stock: '200 200 | GET *, GET /hidden' }],
  'start: PRI': [line('PRI * HTTP/1.1'), '', { stock: '400 200 | GET /hidden' }],
  'start: CONNECT': [`CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}:80\r\n\r\n${HIDDEN}`, '405', { stock: '503' }],
  'host: absolute target of another host': [
    `GET http://${HOST}/g HTTP/1.1\r\nHost: other.local\r\n\r\n${HIDDEN}`,
    '200 200 | GET /g, GET /hidden'
  ],
  'host: absolute target of an unknown host': [
    `GET http://other.local/g HTTP/1.1\r\n${H}\r\n${HIDDEN}`,
    '502 200 | GET /hidden',
    { stock: '502' }
  ],
  'host: absolute target without Host': [
    `GET http://${HOST}/g HTTP/1.1\r\n\r\n${HIDDEN}`,
    '400',
    { stock: '200 200 | GET /g, GET /hidden' }
  ],
  'host: absolute target with a user': [line(`GET http://u@${HOST}/g HTTP/1.1`), '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'host: absolute target without a host': [line('GET http:///g HTTP/1.1'), '400', { stock: '200 200 | GET /g, GET /hidden' }],
  'host: another scheme': [line('GET ftp://HOST/g HTTP/1.1'), '400', { stock: '503' }],
  'host: two': [`GET /g HTTP/1.1\r\n${H}Host: other.local\r\n\r\n${HIDDEN}`, '400', { stock: '' }],
  'host: none': [`GET /g HTTP/1.1\r\n\r\n${HIDDEN}`, '400', { stock: '503' }],
  'host: a list': [`GET /g HTTP/1.1\r\nHost: ${HOST}, other.local\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: a blank': [`GET /g HTTP/1.1\r\nHost: ${HOST} other.local\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: a user': [`GET /g HTTP/1.1\r\nHost: u@${HOST}\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: a path': [`GET /g HTTP/1.1\r\nHost: ${HOST}/x\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: no port': [`GET /g HTTP/1.1\r\nHost: ${HOST}:\r\n\r\n${HIDDEN}`, '200 200 | GET /g, GET /hidden'],
  'host: an odd port': [`GET /g HTTP/1.1\r\nHost: ${HOST}:80x\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: two ports': [`GET /g HTTP/1.1\r\nHost: ${HOST}:80:80\r\n\r\n${HIDDEN}`, '400', { stock: '502' }],
  'host: blank before the colon': [`GET /g HTTP/1.1\r\nHost : ${HOST}\r\n\r\n${HIDDEN}`, '400', { stock: '503' }],
  // fields of the connection
  'connection: content-length': [post(`Connection: content-length\r\nContent-Length: ${N}\r\n`), '200 | POST /p'],
  'connection: transfer-encoding': [post(`Connection: transfer-encoding\r\n${CH}`, EMPTY), '200 200 | POST /p, GET /hidden'],
  'connection: host': [get('Connection: host\r\n', ''), '200 | GET /g'],
  'connection: close and more': [get('Connection: close, X\r\nX: 1\r\n'), '200 | GET /g', { stock: '200 200 | GET /g, GET /hidden' }],
  'connection: an odd list': [get('Connection: ,, ,\x22x\x22;q=1\r\n', ''), '200 | GET /g'],
  'connection: two fields': [
    get('Connection: keep-alive\r\nConnection: close\r\n'),
    '200 | GET /g',
    { stock: '200 200 | GET /g, GET /hidden' }
  ],
  'upgrade: with a body': [
    post(`Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${N}\r\n`),
    '400 | POST /p',
    { nginx: '200 | POST /p' }
  ],
  'upgrade: not wanted by the app': [
    get('Connection: Upgrade\r\nUpgrade: odd\r\n'),
    '400 200 | GET /g, GET /hidden',
    { nginx: '200 200 | GET /g, GET /hidden' }
  ],
  'upgrade: not named in Connection': [get('Upgrade: websocket\r\n'), '200 200 | GET /g, GET /hidden'],
  'upgrade: h2c': [
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    '200 200 | GET /g, GET /hidden',
    { stock: '400 200 | GET /g, GET /hidden' }
  ],
  'upgrade: h2c in a list': [
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    '200 200 | GET /g, GET /hidden',
    { stock: '400 200 | GET /g, GET /hidden' }
  ],
  'upgrade: websocket of a version that is none': [
    get('Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'),
    '400 200 | GET /g, GET /hidden',
    { nginx: '200 200 | GET /g, GET /hidden' }
  ],
  'expect: 100-continue, body at once': [
    post(`Expect: 100-continue\r\nContent-Length: ${N}\r\n`),
    '100 200 | POST /p',
    { stock: '200 | POST /p' }
  ],
  'expect: 100-continue, chunked': [
    post(`Expect: 100-continue\r\n${CH}`, EMPTY),
    '100 200 200 | POST /p, GET /hidden',
    { stock: '200 200 | POST /p, GET /hidden' }
  ],
  'expect: 100-continue on GET without a body': [
    get('Expect: 100-continue\r\n'),
    '100 200 200 | GET /g, GET /hidden',
    { stock: '200 200 | GET /g, GET /hidden' }
  ],
  'expect: something else': [
    post('Expect: y\r\nContent-Length: 1\r\n', `a${HIDDEN}`),
    '417 200 | GET /hidden',
    { nginx: '200 200 | POST /p, GET /hidden' }
  ]
}

/**
 * One request each, with nothing behind it, in which some apps see a body that is not there: whoever takes the app's connection next must not pay for it. They come
 * as they are, by an entrypoint of TCP.
 */
export const FALSE_BODIES: Readonly<Record<string, string>> = {
  'a length behind a bare LF': get('X: y\nContent-Length: 14\r\n', ''),
  'a length behind a bare LF, longer than the next request': get('X: y\nContent-Length: 1000\r\n', ''),
  'a length behind a bare CR': get('X: y\rContent-Length: 14\r\n', ''),
  'a length behind a NUL': get('X: y\0Content-Length: 14\r\n', ''),
  'a length behind a blank': get(' Content-Length: 14\r\n', ''),
  'a length on a folded line': get('X: y\r\n Content-Length: 14\r\n', ''),
  'a length behind a no-break space': get('\xa0Content-Length: 14\r\n', ''),
  'a length before a blank': get('Content-Length : 14\r\n', ''),
  'a coding behind a bare LF': get('X: y\nTransfer-Encoding: chunked\r\n', ''),
  'lines that end with LF': `GET /g HTTP/1.1\nHost: ${HOST}\nContent-Length: 14\r\n\r\n`
}
