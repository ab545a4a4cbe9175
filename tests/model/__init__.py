"""The rules of fast läkarkontakt a second time, as plainly as can be, to hold the product against."""
