/** A config file that could not be read at all. Its message names the path and the reason. */
export class ConfigUnreadable extends Error {
  override readonly name = "ConfigUnreadable";
}
