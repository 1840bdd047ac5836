/** Of the OCI runtime specification: what config.json and states are made by. */
export const OCI_VERSION = "1.2.0";
