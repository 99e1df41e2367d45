/**
 * A request as a command line for curl in a POSIX shell, which sends it as it was: method, target, headers in their spelling and order (Host comes first,
 * curl insists), body. What was masked or not kept stays a shell variable that the shell itself asks for, so that no line silently sends something else.
 */
import { formatBytes } from '../base/format.ts'
import { header } from '../http/header.ts'
import type { KeptBody, KeptRequest } from './kept.ts'
import type { Mask } from './mask.ts'
import { readableText, shellWord, singleQuoted } from '../base/shell-quote.ts'

export interface CurlCommand {
  /** Several lines, joined by backslashes. */
  text: string
  /** Shell variables that have to be set first. */
  variables: string[]
}

export interface CurlOptions {
  /** Where to: `http://localhost:8080`, or where the visitors go. Its path is not used. */
  base: string
  mask: Mask
}

/** A larger word is no argument for Linux (128 KiB); the shell's own printf takes it. */
const MAX_ARGUMENT_BYTES = 100_000
/** curl asks first from a size on that depends on its version. */
const EXPECT_FROM_BYTES = 1_024

export function curlCommand(request: KeptRequest, { base, mask }: CurlOptions): CurlCommand {
  const origin = new URL(base).origin
  const variables: string[] = []
  const masked = maskedHeaders(request, mask, variables)
  const body = sendsBody(request) ? bodyOptions(request.body, variables) : { before: [], options: [] }
  const parts = [
    [...body.before, 'curl', ...versionOptions(request, origin), ...methodOptions(request), ...targetOptions(request.target, origin)].join(
      ' '
    ),
    ...hostOption(request, origin),
    ...absentHeaders(request),
    ...masked,
    ...body.options
  ]
  return { text: parts.join(' \\\n  '), variables }
}

function versionOptions({ version }: KeptRequest, origin: string): string[] {
  if (version === '1.0') return ['--http1.0']
  return origin.startsWith('https:') ? ['--http1.1'] : []
}

/** An empty body in chunks is one too: its end has to be sent. */
const sendsBody = (request: KeptRequest): boolean => request.body.size > 0 || header(request, 'transfer-encoding') !== undefined

function methodOptions(request: KeptRequest): string[] {
  const { method } = request
  const hasBody = sendsBody(request)
  if (method === 'HEAD' && !hasBody) return ['--head']
  return method === (hasBody ? 'POST' : 'GET') ? [] : ['-X', shellWord(method)]
}

/** Without `--request-target`, unless curl would change the target on its way. */
function targetOptions(target: string, origin: string): string[] {
  if (!/^\/[!-~]*$/.test(target) || /[#"<>\\^`{|}]/.test(target)) return ['--request-target', shellWord(target), `${origin}/`]
  return [
    ...(/\/(?:\.|%2e){1,2}(?:[/?]|$)/i.test(target) ? ['--path-as-is'] : []),
    ...(/[[\]]/.test(target) ? ['--globoff'] : []),
    shellWord(origin + target)
  ]
}

/** curl writes the Host itself, in the first place. */
function hostOption(request: KeptRequest, origin: string): string[] {
  const host = request.headers.find(([name]) => name.toLowerCase() === 'host')?.[1]
  if (host === new URL(origin).host) return []
  return [host === undefined ? "-H 'Host:'" : `-H ${headerWord('Host', host)}`]
}

/** Removes what curl would add on its own. */
function absentHeaders(request: KeptRequest): string[] {
  const hasBody = sendsBody(request)
  const added = [
    'User-Agent',
    'Accept',
    ...(hasBody ? ['Content-Type'] : []),
    ...(request.body.size >= EXPECT_FROM_BYTES ? ['Expect'] : [])
  ]
  return added.filter(name => header(request, name) === undefined).map(name => `-H '${name}:'`)
}

function maskedHeaders(request: KeptRequest, mask: Mask, variables: string[]): string[] {
  const { headers: shown } = mask(request.headers)
  const options = request.headers.flatMap(([name, value], index): string[] => {
    const lower = name.toLowerCase()
    // The length of a body that was not kept is told by curl.
    if (lower === 'host' || (lower === 'content-length' && request.body.truncated)) return []
    if (shown[index]?.[1] === value) return [`-H ${headerWord(name, value)}`]
    const variable = nextVariable(`header_${name}`, variables)
    return [`-H ${singleQuoted(`${name}: `)}"\${${variable}:?set it to the value of ${wordsOf(name)}, which is hidden here}"`]
  })
  // As browsers do: what is asked for compressed is read by a person.
  return /\b(?:gzip|deflate|br)\b/i.test(header(request, 'accept-encoding') ?? '') ? ['--compressed', ...options] : options
}

/** An empty value needs the semicolon, else curl takes the header away. */
const headerWord = (name: string, value: string): string => shellWord(value === '' ? `${name};` : `${name}: ${value}`)

/** `HEADER_AUTHORIZATION`, `HEADER_COOKIE_2`: nothing that a shell has already, as `PATH`. */
function nextVariable(name: string, variables: string[]): string {
  const word = name.toUpperCase().replace(/[^A-Z0-9]/g, '_')
  let variable = word
  for (let count = 2; variables.includes(variable); count += 1) variable = `${word}_${count}`
  variables.push(variable)
  return variable
}

/** Within double quotes nothing may be special. */
const wordsOf = (name: string): string => name.replace(/[^A-Za-z0-9_.-]/g, '_')

function bodyOptions(body: KeptBody, variables: string[]): { before: string[]; options: string[] } {
  if (body.truncated) {
    const variable = nextVariable('BODY_FILE', variables)
    const why = `set it to a file, since only ${formatBytes(body.bytes.length)} of ${formatBytes(body.size)} were kept`
    return { before: [], options: [`--data-binary "@\${${variable}:?${why}}"`] }
  }
  const text = bodyText(body.bytes)
  if (text !== undefined) return { before: [], options: [`--data-raw ${singleQuoted(text)}`] }
  return { before: [`printf %s '${body.bytes.toString('base64')}' | base64 --decode |`], options: ['--data-binary @-'] }
}

/** What may stand between quotes: tabs and line ends included, as they are pasted. */
function bodyText(bytes: Buffer): string | undefined {
  if (bytes.length > MAX_ARGUMENT_BYTES) return undefined
  const latin1 = bytes.toString('latin1')
  return readableText(latin1.replace(/[\t\n]/g, ' ')) === undefined ? undefined : bytes.toString('utf8')
}
