/** Name, version and address of this program, from package.json; the bundler inlines it. */
import packageJson from '../../package.json' with { type: 'json' }

export const VERSION = packageJson.version
export const REPORT_URL = `${packageJson.homepage}/issues`
