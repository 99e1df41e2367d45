/** What a session did, at its end. */
import { formatMs, plural } from '../base/format.ts'
import type { Summary } from '../event/types.ts'

/** Nothing when nothing was ever registered. */
export function summaryLines(summary: Summary, started: boolean): string[] {
  if (!started) return []
  const { requests, errors, returned, other = 0, p50, p95, durationMs } = summary
  if (requests === 0) return [`no request arrived in ${formatMs(durationMs)}`, ...mirrorLines(summary)]
  const parts = [
    `${requests.toLocaleString('en-US')} ${requests === 1 ? 'request' : 'requests'} in ${formatMs(durationMs)}`,
    plural(errors, 'error'),
    ...(returned > 0 ? [`${returned} returned to the cluster`] : []),
    ...(other > 0 ? [`${other} passed on to other laptops`] : []),
    ...(p50 === undefined ? [] : [`p50 ${formatMs(p50)}`]),
    ...(p95 === undefined ? [] : [`p95 ${formatMs(p95)}`])
  ]
  return [parts.join(', '), ...mirrorLines(summary)]
}

function mirrorLines({ mirror }: Summary): string[] {
  if (mirror === undefined) return []
  const { compared, different, dropped } = mirror
  const answers = `${compared.toLocaleString('en-US')} ${compared === 1 ? 'answer' : 'answers'} compared`
  return [`${answers}: ${compared - different} equal, ${different} different; ${plural(dropped, 'copy', 'copies')} not compared`]
}
