"""The claim loop and the channels a notification leaves through."""
