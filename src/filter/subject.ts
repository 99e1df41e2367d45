/** What a filter looks at, from whatever tells of an exchange: one that is remembered, one that was recorded, or a head that has just come. */
import type { Subject } from './filter.ts'

type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** The shape of all of them; header names are as sent. */
export interface Told {
  readonly who?: string | undefined
  readonly protocol?: string | undefined
  readonly source?: string | undefined
  readonly request: { readonly method: string; readonly host: string; readonly path: string; readonly headers: Headers } | undefined
  readonly response?: { readonly status: number; readonly headers: Headers } | undefined
}

/** As it is told now: make another one when it has grown. */
export function subjectOf(told: Told): Subject {
  const { request, response, who, protocol, source } = told
  return {
    ...(request !== undefined && { method: request.method, host: request.host, path: request.path }),
    ...(response !== undefined && { status: response.status }),
    ...(who !== undefined && { who }),
    ...(protocol !== undefined && { protocol }),
    ...(source !== undefined && { source }),
    header: name => valuesOf(request?.headers, name),
    responseHeader: name => valuesOf(response?.headers, name)
  }
}

function valuesOf(headers: Headers | undefined, lower: string): string[] {
  const values: string[] = []
  for (const [name, value] of headers ?? []) if (name.length === lower.length && name.toLowerCase() === lower) values.push(value)
  return values
}
