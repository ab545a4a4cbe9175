"""`fastlakare import`: a vårdcentral's file of links, as people's spreadsheets write it, sent and answered (C11)."""
