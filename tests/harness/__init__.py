"""What tests are made with: servers, installations, records in, what was observed, and how the two are compared."""
