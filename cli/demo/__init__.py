"""`fastlakare demo`: a made-up region on an embedded broker and database, in a story of acts."""
